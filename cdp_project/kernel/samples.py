"""A family of figures that is read from somewhere when it is asked for. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from cdp_project.kernel.database import Connection


@dataclass(frozen=True, slots=True)
class Samples:
    """`rows` holds values of the labels with their figure."""

    name: str
    help_text: str
    labels: tuple[str, ...] = ()
    rows: list[tuple[tuple[str, ...], float]] = field(default_factory=list)
    kind: Literal["gauge", "counter"] = "gauge"


Measure = Callable[[Connection, datetime], Iterable[Samples]]
"""Reads figures of one app; settings.CDP_MEASURES names one each."""
