"""Batches that could not be processed: to be looked at, processed again, or discarded."""
