"""Deliveries as tests see them: an output to a sink, a delivery loop with a clock passed in, counts read back."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection

from cdp_project.kernel import clock
from cdp_project.kernel.database import connect
from cdp_project.workspaces.environment import Environment
from connections.deliver import Deliveries
from connections.gather import gather
from connections.models import (
    AlertHour,
    AlertLevel,
    AlertPartial,
    Connection,
    DeliveryAttempt,
    DeliveryException,
    ItemState,
    Output,
)
from connections.outputs import save_settings
from connections.selectors import verdicts_of
from events.ingest import release
from events.intake.desk import desk
from tests import factories
from tests.shop import Shop
from tests.sink import Sink

OUTBOX = ("outbox_chunk", "outbox_delivery", "delivery_exception")


@dataclass
class Post:
    """One shop's outgoing mail."""

    shop: Shop
    _now: datetime = field(default_factory=clock.now)
    _has_uploaded_later: bool = False

    def connect(self, sink: Sink, **settings: object) -> Connection:
        """A webhook output to the sink, connected to the shop's input. One request an event unless told otherwise."""
        output = Output(workspace=self.shop.workspace, integration="webhook", name="Webhook")
        save_settings(output, {"url": sink.url, "send": "event", **settings})
        return factories.connection(self.shop.source, output)

    @contextmanager
    def deliveries(self, **arguments: object) -> Iterator[Deliveries]:
        """A loop of its own, as a process has one. Jitter is left out: waits have their full length."""
        loop = Deliveries(draw=lambda: 1.0, **arguments)  # type: ignore[arg-type]
        try:
            yield loop
        finally:
            loop.close()

    def deliver(self, after: timedelta = timedelta()) -> None:
        """Deliver all that is due, `after` so much more time has gone by."""
        self._now += after
        with clock.frozen(self._now), self.deliveries() as loop:
            loop.drain()

    def gather(self, after: timedelta = timedelta()) -> int:
        """Open what is complete of what is gathered, `after` so much more time has gone by; how many items."""
        self._now += after
        with connect(autocommit=True) as own:
            return gather(own, self._now)

    @contextmanager
    def at_this_time(self) -> Iterator[None]:
        """What is uploaded in the block comes at the time that it is for deliveries."""
        self._has_uploaded_later = True
        with clock.frozen(self._now):
            yield

    def close(self) -> None:
        """Numbers of acceptance never go back: without this, later tests would get those of a later time."""
        if self._has_uploaded_later:
            release()
            desk.start_anew()

    def deliver_or_crash(self, after: timedelta = timedelta()) -> None:
        """The same by a loop that, when it fails, leaves everything as a killed process does."""
        self._now += after
        loop = Deliveries(draw=lambda: 1.0)
        with clock.frozen(self._now):
            try:
                loop.drain()
            finally:
                loop._sender.close()
                loop._database.drop()

    def sums(self, of: Connection) -> dict[str, int]:
        """Events by state, over all reasons; states without events are left out."""
        found = verdicts_of(of.pk, Environment.PRODUCTION)
        return {state: sum(reasons.values()) for state, reasons in found.items() if any(reasons.values())}

    def reasons(self, of: Connection) -> dict[str, dict[str, int]]:
        """Events by state and reason."""
        return {state: reasons for state, reasons in verdicts_of(of.pk).items() if reasons}

    def left(self) -> dict[str, int]:
        """Rows in the outbox, by table."""
        with connection.cursor() as cursor:
            counts = {}
            for table in OUTBOX:
                cursor.execute(f"SELECT count(*) FROM {table}")
                counts[table] = cursor.fetchone()[0]
        return counts

    def exceptions(self, state: ItemState) -> list[DeliveryException]:
        return list(DeliveryException.objects.filter(state=state).order_by("chunk_id", "position"))

    def attempts(self) -> list[DeliveryAttempt]:
        """Requests that did not succeed."""
        return list(DeliveryAttempt.objects.exclude(error="").order_by("at", "position"))

    def successes(self) -> list[DeliveryAttempt]:
        """Those of the requests that succeeded which were kept."""
        return list(DeliveryAttempt.objects.filter(error="").order_by("at", "position"))

    def alerts(self) -> dict[str, dict[str, int]]:
        """Faulted events by level and code."""
        found: dict[str, dict[str, int]] = {}
        for model in (AlertPartial, AlertHour):
            for level, code, count in model.objects.values_list("level", "code", "count"):
                codes = found.setdefault(AlertLevel(level).name.lower(), {})
                codes[code] = codes.get(code, 0) + count
        return found
