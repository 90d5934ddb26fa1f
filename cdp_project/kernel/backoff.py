"""How long to wait before the next try. Pure: randomness is passed in."""

from collections.abc import Callable
from random import random


def delay_seconds(attempt: int, *, first: float, most: float, draw: Callable[[], float] = random) -> float:
    """Doubling wait with jitter: between half and all of min(first * 2^(attempt-1), most) seconds.

    `attempt` counts from 1. Half stays fixed so that a wait is never close to nothing.
    """
    ceiling = min(first * 2.0 ** min(attempt - 1, 60), most)
    return ceiling * (0.5 + draw() / 2)
