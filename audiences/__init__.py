"""Audiences: live sets of people by criteria."""
