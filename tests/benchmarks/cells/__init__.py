"""The benchmarks, one a file. Each defines CELL."""
