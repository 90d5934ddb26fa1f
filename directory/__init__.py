"""Directory: every integration that an output can be made of."""
