"""What several cells need beforehand, made once a run: a workspace with many people, one with a month of events."""

from dataclasses import dataclass, field

from connections.models import Connection
from tests.benchmarks import history, people
from tests.benchmarks.shops import Place, place, webhook
from tests.benchmarks.size import Size

PEOPLE, EVENTS, ACTIVE_PEOPLE = 1_000_000, 10_000_000, 200_000
CONNECTIONS = 10
NOWHERE = "http://127.0.0.1:9/"


@dataclass
class Preload:
    """Each part is made when it is first asked for."""

    size: Size
    _crowd: Place | None = None
    _people: int = 0
    _month: Place | None = None
    ways: list[Connection] = field(default_factory=list)

    def crowd(self, whole: int = PEOPLE) -> tuple[Place, int]:
        """A workspace with at least so many people (of the whole size), and how many these are."""
        wanted = self.size.rows(whole)
        self._crowd = self._crowd or place()
        if wanted > self._people:
            people.make(self._crowd.source, self._people, wanted)
            self._people = wanted
        return self._crowd, wanted

    def month(self) -> tuple[Place, int]:
        """A workspace with 31 days of events and their counts on several connections, and how many events."""
        events = self.size.rows(EVENTS) // history.DAYS * history.DAYS
        if self._month is None:
            self._month = place()
            self.ways = [webhook(self._month.source, NOWHERE) for _ in range(CONNECTIONS)]
            history.make(self._month.source, self.ways, events, self.size.rows(ACTIVE_PEOPLE))
        return self._month, events
