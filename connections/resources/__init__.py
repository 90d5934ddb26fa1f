"""Outputs and connections over HTTP: list, make, read, change and delete."""
