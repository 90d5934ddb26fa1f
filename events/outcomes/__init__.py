"""What became of everything that was accepted, in numbers."""
