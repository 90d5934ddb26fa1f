"""Connections' entry into the pipeline: forward what was stored into the outbox."""

from collections import defaultdict
from dataclasses import dataclass, field
from functools import partial

from cdp_project.kernel import clock
from cdp_project.kernel.wake import waker
from cdp_project.workspaces.environment import Environment
from connections import configuration, measures, outbox, verdicts
from connections.forward import Route, Withheld, withheld_batch, withheld_event
from connections.forwarded import forwarded_batch
from connections.outbox import NewChunk
from connections.payload import OutboxBatch
from events.pipeline import Chunk, Context, EventItem, apply

routes_by_input = configuration.routes()
known_lanes = outbox.Known()

Ways = list[tuple[Route, Withheld | None]]
"""Connections, each with what keeps back the whole batch."""


@apply
def forward(chunk: Chunk) -> None:
    """Put what goes out into the outbox, note on each event why a connection does not get it, and count both.

    Runs when person and event ids are known. A connection counts from the moment that it exists.
    """
    known = routes_by_input.get(chunk.transaction, age_most_s=0)
    groups: defaultdict[tuple[int, int, Environment], list[Context]] = defaultdict(list)
    for context in chunk.open():
        accepted = context.accepted
        groups[accepted.bucket, accepted.input_id, accepted.environment].append(context)
    work = Forwarding(chunk)
    for (_, input_id, _), contexts in groups.items():
        if routes := known.get(input_id, ()):
            work.add_group(contexts, routes)
    if work.chunks:
        unknown = known_lanes.unknown(outbox.lane_routes(work.chunks))
        outbox.write(chunk.transaction, work.chunks, chunk.now, unknown)
        chunk.after_commit.append(partial(known_lanes.note, unknown))
        chunk.after_commit.append(lambda: waker.hint("deliveries"))
    verdicts.write(chunk.transaction, work.tally)
    chunk.after_commit.append(partial(measures.note_forwarded, work.tally))


@dataclass(slots=True)
class Forwarding:
    """What one chunk of the pipeline forwards: its outbox chunks, and what became of every event."""

    source: Chunk
    chunks: list[NewChunk] = field(default_factory=list)
    tally: verdicts.Tally = field(default_factory=verdicts.Tally)

    def add_group(self, contexts: list[Context], routes: tuple[Route, ...]) -> None:
        """Batches of one lane, input and environment, in order of acceptance."""
        chunk: NewChunk | None = None
        for context in contexts:
            items, takers = self._decide(context, routes)
            if not takers:
                continue
            if chunk is None or chunk.is_full:
                chunk = _new_chunk(context)
                self.chunks.append(chunk)
            chunk.add(OutboxBatch(context.accepted.accept_seq, forwarded_batch(context, items)), takers)

    def _decide(self, context: Context, routes: tuple[Route, ...]) -> tuple[list[EventItem], list[list[Route]]]:
        """The events that go out on some connection, and for each of them (or the empty batch) on which."""
        accepted = context.accepted
        ways = [
            (route, withheld_batch(route, accepted.environment, is_historical=accepted.is_historical))
            for route in routes
        ]
        if not context.items:
            takers = [route for route, withheld in ways if withheld is None and route.wants.batches_without_events]
            return [], [takers] if takers else []
        decided = [(item, self._takers(context, item, ways)) for item in context.open_items()]
        kept = [(item, takers) for item, takers in decided if takers]
        return [item for item, _ in kept], [takers for _, takers in kept]

    def _takers(self, context: Context, item: EventItem, ways: Ways) -> list[Route]:
        accepted = context.accepted
        hour_ms = verdicts.report_hour_ms(
            clock.milliseconds(item.occurred_at), clock.milliseconds(accepted.received_at)
        )
        takers = []
        for route, batch_withheld in ways:
            withheld = batch_withheld or withheld_event(route, item.event.event_type, item.occurred_at, self.source.now)
            state, reason = (verdicts.WITHHELD, withheld.reason) if withheld else (verdicts.WAITING, "")
            key = (self.source.bucket, route.connection_id, int(accepted.environment), hour_ms, state, reason)
            self.tally[key] += 1
            if withheld:
                item.withheld[str(route.connection_id)] = reason
            else:
                takers.append(route)
                item.forwarded.append(route.connection_id)
        return takers


def _new_chunk(context: Context) -> NewChunk:
    accepted = context.accepted
    return NewChunk(
        accepted.bucket, accepted.workspace_id, accepted.environment, accepted.input_id, accepted.accept_seq
    )
