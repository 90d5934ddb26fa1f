"""What processes count and time, added up in memory and handed over every few seconds (kernel.reporting).

Count for a chunk or a group, never for an event: an addition takes about a microsecond. Names and labels are bounded:
no event names, no people; outputs by their id.
"""

import threading
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

SEPARATOR = "\x1f"
SUM = "sum"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
LONG_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 300.0, 3600.0)
SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)

Values = tuple[str, ...]
"""Values of the labels, in order."""


class Counter:
    """Only ever grows, until Valkey forgets it."""

    kind = "counter"

    def __init__(self, name: str, help_text: str, labels: tuple[str, ...] = ()) -> None:
        self.name, self.help_text, self.labels = name, help_text, labels
        FAMILIES[name] = self

    def add(self, amount: float, *values: object) -> None:
        """Count so many more under these values of the labels."""
        if amount:
            _tally.add(SEPARATOR.join((self.name, *map(str, values))), amount)


class Histogram:
    """How often a value fell within each of `bounds`, the last of them open."""

    kind = "histogram"

    def __init__(self, name: str, help_text: str, bounds: tuple[float, ...]) -> None:
        self.name, self.help_text, self.bounds = name, help_text, bounds
        self.labels: tuple[str, ...] = ()
        FAMILIES[name] = self

    def observe(self, value: float) -> None:
        """One value."""
        self.observe_all((value,))

    def observe_all(self, values: Iterable[float]) -> None:
        """Several at once."""
        total, places = 0.0, defaultdict[int, int](int)
        for value in values:
            places[bisect_left(self.bounds, value)] += 1
            total += value
        for place, count in places.items():
            _tally.add(f"{self.name}{SEPARATOR}{place}", count)
        if places:
            _tally.add(f"{self.name}{SEPARATOR}{SUM}", total)


class Gauge:
    """How much there is of something in each process at the moment; all processes are merged by `merge`."""

    kind = "gauge"

    def __init__(
        self,
        name: str,
        help_text: str,
        labels: tuple[str, ...] = (),
        merge: Callable[[Iterable[float]], float] = sum,
    ) -> None:
        self.name, self.help_text, self.labels, self.merge = name, help_text, labels, merge
        self.read: Callable[[], Mapping[Values, float]] = dict
        """Set by the process that has something to tell; called in the thread that reports."""
        FAMILIES[name] = self


Family = Counter | Histogram | Gauge
FAMILIES: dict[str, Family] = {}
"""Everything that processes measure, by name."""


class _Tally:
    def __init__(self) -> None:
        self._pending: defaultdict[str, float] = defaultdict(float)
        self._lock = threading.Lock()

    def add(self, field: str, amount: float) -> None:
        with self._lock:
            self._pending[field] += amount

    def take(self) -> dict[str, float]:
        """What was counted since the last time."""
        with self._lock:
            taken, self._pending = self._pending, defaultdict(float)
        return dict(taken)

    def give_back(self, counted: Mapping[str, float]) -> None:
        """It could not be handed over; it is not lost."""
        for field, amount in counted.items():
            self.add(field, amount)


_tally = _Tally()
take, give_back = _tally.take, _tally.give_back


def gauges() -> dict[str, float]:
    """What this process has at the moment, by field."""
    return {
        SEPARATOR.join((family.name, *values)): amount
        for family in FAMILIES.values()
        if isinstance(family, Gauge)
        for values, amount in family.read().items()
    }
