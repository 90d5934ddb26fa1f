"""Own pages of the console, one file each."""
