"""Sets of positions as PostgreSQL keeps them: multiranges of integers."""

from collections.abc import Iterable
from typing import Any

from django.db import models
from psycopg.types.multirange import Multirange
from psycopg.types.range import Range


class IntegerMultirangeField(models.Field):  # type: ignore[type-arg] # generic in the stubs alone
    """A column of type int4multirange; its value in Python is psycopg's `Multirange`."""

    description = "A set of integers, kept as ranges"

    def db_type(self, connection: Any) -> str:  # noqa: ARG002 - Django's signature
        return "int4multirange"


def text_of(positions: Iterable[int]) -> str:
    """PostgreSQL's text form of ascending positions: {[0,3),[5,6)}."""
    parts: list[str] = []
    first = last = None
    for position in positions:
        if last is not None and position == last + 1:
            last = position
            continue
        if first is not None and last is not None:
            parts.append(f"[{first},{last + 1})")
        first = last = position
    if first is not None and last is not None:
        parts.append(f"[{first},{last + 1})")
    return "{" + ",".join(parts) + "}"


def positions_in(found: Multirange[int]) -> Iterable[int]:
    """The positions, ascending."""
    for part in found:
        yield from _positions(part)


def _positions(part: Range[int]) -> range:
    # PostgreSQL gives discrete ranges as [lower, upper); ours always have both ends.
    if part.lower is None or part.upper is None:
        raise ValueError(f"A set of positions has both ends: {part}")
    return range(part.lower, part.upper)
