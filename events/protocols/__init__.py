"""Protocols, one file each: how clients speak to the intake. Found by the registry."""
