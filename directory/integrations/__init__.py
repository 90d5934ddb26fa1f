"""Integrations, one file each; found by the registry, never imported by name."""
