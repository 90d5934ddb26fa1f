"""Inputs and their keys over HTTP, and what waits when one is deleted."""
