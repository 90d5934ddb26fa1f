"""Events: how they come in, wait, are processed and kept."""
