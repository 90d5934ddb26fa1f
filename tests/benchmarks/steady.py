"""One steady rate through the whole product: from when a request was due to its answer and to the webhook."""

from dataclasses import dataclass

from tests.benchmarks import counting
from tests.benchmarks.bodies import STAMP, Bodies
from tests.benchmarks.cell import NoFigure
from tests.benchmarks.cpu import Spent
from tests.benchmarks.load import Load
from tests.benchmarks.opened import opened
from tests.benchmarks.receiving import Arrived
from tests.benchmarks.shops import Place, place, webhook
from tests.benchmarks.stack import Running, Stack

PEOPLE, REQUESTS = 5_000, 2_000
EVERYTHING = ("web-1", "web-2", "pipeline", "deliveries")
WARM_EVENTS_PER_SECOND, WARM_S = 400.0, 2.0
SETTLED_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Steady:
    """What one rate showed."""

    events: int
    accepted: Load
    arrived: Arrived
    cpu: Spent


class Way:
    """An input whose every event goes to the sink, with requests of so many events."""

    def __init__(self, stack: Stack, running: Running, events: int) -> None:
        self._stack, self._running, self._events = stack, running, events
        self._place: Place = place()
        self._path = f"/ok/{self._place.source.pk}"
        webhook(self._place.source, stack.sink.url(self._path))
        key = self._place.key
        self._requests = Bodies(events, PEOPLE).requests(key.key, key.secret, REQUESTS)
        self.pass_through(WARM_EVENTS_PER_SECOND, WARM_S)

    def pass_through(self, events_per_second: float, seconds: float, within_s: float = SETTLED_WITHIN_S) -> Steady:
        """Send at the rate, wait until all has come; raises NoFigure when an event is missing or doubled."""
        self._stack.sink.forget()
        before, spent = counting.stored(self._place.source), self._running.spent()
        per_second = events_per_second / self._events
        accepted = opened(self._running.port, self._request, per_second, seconds).check()
        wanted = len(accepted.latencies) * self._events
        arrived = self._stack.sink.await_events(self._path, wanted, within_s)
        cpu = self._running.spent().since(spent, per=wanted / 1000)
        if counting.stored(self._place.source) - before != wanted:
            raise NoFigure(f"not all of {wanted:,} events are stored")
        return Steady(wanted, accepted, arrived, cpu)

    def _request(self, number: int, due_us: int) -> bytes:
        return self._requests[number % len(self._requests)].replace(STAMP, b"%d" % due_us)
