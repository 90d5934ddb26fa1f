"""Coroutines by hand: run without an event loop, or as far as they come without waiting."""

from collections.abc import Awaitable, Coroutine, Generator
from types import coroutine as as_coroutine
from typing import Any, Generic, TypeVar

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


class Begun(Generic[T]):
    """Something awaitable that ran until it had to wait, if it had to: what is there already needs no clock.

    Within a task. Either `is_done`, and then there is a `result`, or `rest()` has to be awaited.
    """

    __slots__ = ("_iterator", "_waits_for", "is_done", "result")

    result: T

    def __init__(self, awaitable: Awaitable[T]) -> None:
        self._iterator = awaitable.__await__()
        try:
            self._waits_for = next(self._iterator)
            self.is_done = False
        except StopIteration as end:
            self.result = end.value
            self.is_done = True

    @as_coroutine
    def rest(self) -> Generator[Any, Any, T]:
        """What is left of it."""
        result: T = yield from _continued(self._iterator, self._waits_for)
        return result


def _continued(iterator: Any, waits_for: Any) -> Generator[Any, Any, Any]:
    """`yield from iterator`, the first that it yielded being `waits_for`."""
    while True:
        try:
            value = yield waits_for
        except BaseException as error:  # noqa: BLE001 - handed on, also a cancellation
            step, argument = iterator.throw, error
        else:
            step, argument = iterator.send, value
        try:
            waits_for = step(argument)
        except StopIteration as end:
            return end.value
