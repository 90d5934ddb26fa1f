"""Data Master: what arrives, what should, and what is done about the difference."""
