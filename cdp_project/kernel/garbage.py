"""Python's search for reference cycles, tuned for processes that work in chunks."""

import gc

# A chunk makes some hundred thousand objects that all die by themselves; with the defaults a third of the
# processing time went into looking through them for cycles again and again.
YOUNG_MOST = 100_000
YOUNG_ROUNDS, MIDDLE_ROUNDS = 20, 20


def collect_rarely() -> None:
    """Look for cycles once in a while, and never among what the start of the process made."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_MOST, YOUNG_ROUNDS, MIDDLE_ROUNDS)
