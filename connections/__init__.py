"""Connections: what is forwarded where, and how it gets there."""
