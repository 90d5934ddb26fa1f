"""Coroutines without an event loop: what is written once for loops and for threads, run in a thread."""

from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run_here(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that blocks where others would be suspended. RuntimeError when it is suspended."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    coroutine.close()
    raise RuntimeError("A coroutine that has its thread to itself was suspended.")
