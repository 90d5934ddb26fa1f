"""Gather: what waits for an output that wants it together is stored anew as batches once it is complete, and opened.

One transaction a line: either all that was taken stands in its new place, or all where it was. Counters do not
change: what waits goes on waiting.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import psycopg
import structlog

from cdp_project.kernel import clock, multirange
from cdp_project.kernel.buckets import time_ordered_id
from cdp_project.kernel.database import RETRYABLE, Connection
from cdp_project.kernel.failpoints import InjectedFailure, failpoint
from cdp_project.kernel.used_buckets import used_buckets
from cdp_project.workspaces.environment import Environment
from connections import configuration, outbox, record
from connections.forward import Route
from connections.gathering import Gathered, Waiting, as_they_came, complete, put_together, small_neighbours
from connections.outbox import NewChunk
from connections.waiting import Line, Row, items_of, lines, lock_rows
from directory.contracts import Gather

log = structlog.get_logger(__name__)

_TAKE = """
UPDATE outbox_delivery d SET positions = d.positions - k.taken, item_count = d.item_count - k.count
FROM unnest(%s::uuid[], %s::int4multirange[], %s::int[]) AS k (chunk_id, taken, count)
WHERE d.bucket = %s AND d.output_id = %s AND d.chunk_id = k.chunk_id
RETURNING d.chunk_id, d.item_count
"""
_OPEN = """
UPDATE outbox_delivery SET is_open = TRUE, is_gathering = FALSE
WHERE bucket = %s AND output_id = %s AND connection_id = %s AND environment = %s AND is_gathering
RETURNING item_count
"""


def gather(connection: Connection, now: datetime) -> int:
    """Open all that is complete; how many items. `connection` is in autocommit mode.

    May run twice at once: the second leaves the lines alone that the first has in hand.
    """
    routes = {each.connection_id: each for found in configuration.routes().get(connection).values() for each in found}
    return sum(
        _gather_alone(connection, line, routes.get(line.connection_id), now)
        for bucket in used_buckets(connection, "outbox_delivery")
        for line in lines(connection, bucket)
    )


def _gather_alone(connection: Connection, line: Line, route: Route | None, now: datetime) -> int:
    try:
        return _gather_line(connection, line, route, now)
    except psycopg.errors.LockNotAvailable:
        # Another run has it in hand.
        return 0
    except (*RETRYABLE, InjectedFailure):
        raise
    except Exception:
        # One line that cannot be gathered must not keep all others waiting.
        log.exception("gathering failed", **line._asdict())
        return 0


def _gather_line(connection: Connection, line: Line, route: Route | None, now: datetime) -> int:
    if route is None or (how := route.wants.gather) is None:
        # Deleted, or to be sent at once by now: delivery decides about it as about anything else.
        opened: list[tuple[Any, ...]] = connection.execute(_OPEN, line).fetchall()
        return sum(item_count for (item_count,) in opened)
    taken, has_more = 0, True
    while has_more:
        with connection.transaction():
            count, is_crowded = _gather_some(connection, line, route, how, now)
        taken += count
        has_more = is_crowded and count > 0
    return taken


def _gather_some(connection: Connection, line: Line, route: Route, how: Gather, now: datetime) -> tuple[int, bool]:
    """How many items of the line are complete, and whether there is more of it than was looked at."""
    rows, is_crowded = lock_rows(connection, line)
    if not rows:
        # Another run was here since we looked.
        return 0, False
    waiting = items_of(connection, line.bucket, rows)
    groups = complete(waiting, how, clock.milliseconds(now), is_crowded=is_crowded)
    taken = [each for items in groups for each in items]
    runs = small_neighbours(_without(waiting, taken))
    ready = [batch for items in groups for batch in put_together(items, lambda: _new_id(line, now))]
    chunks = _chunks(line, rows, route, ready, is_gathered=True)
    for items in runs:
        chunks += _chunks(line, rows, route, as_they_came(items), is_gathered=False)
    if chunks:
        outbox.write(connection, chunks, now, outbox.lane_routes(chunks))
        _take_out(connection, line, rows, [*taken, *(each for items in runs for each in items)])
        failpoint("gather.before_commit")
    return len(taken), is_crowded


def _without(waiting: Sequence[Waiting], taken: Sequence[Waiting]) -> list[Waiting]:
    gone = {(each.row, each.position) for each in taken}
    return [each for each in waiting if (each.row, each.position) not in gone]


def _new_id(line: Line, now: datetime) -> str:
    return str(time_ordered_id(now, line.bucket))


def _chunks(
    line: Line, rows: Sequence[Row], route: Route, batches: Sequence[Gathered], *, is_gathered: bool
) -> list[NewChunk]:
    """The batches in order of the earliest that is in them, so that what is gathered later comes later."""
    newest = replace(route, config_version=max(row.config_version for row in rows))
    chunks: list[NewChunk] = []
    for gathered in sorted(batches, key=lambda each: each.first_seq):
        stored = gathered.stored
        if not chunks or chunks[-1].is_full:
            chunks.append(
                NewChunk(
                    line.bucket,
                    rows[0].workspace_id,
                    Environment(line.environment),
                    stored.batch.input_id,
                    gathered.first_seq,
                    is_gathered=is_gathered,
                )
            )
        chunks[-1].add(stored, [[newest]] * stored.item_count)
    return chunks


def _take_out(connection: Connection, line: Line, rows: Sequence[Row], taken: Sequence[Waiting]) -> None:
    """What is in its new place no longer waits in the old one."""
    positions: defaultdict[int, list[int]] = defaultdict(list)
    for each in taken:
        positions[each.row].append(each.position)
    parameters = (
        [rows[place].chunk_id for place in positions],
        [multirange.text_of(sorted(found)) for found in positions.values()],
        [len(found) for found in positions.values()],
        line.bucket,
        line.output_id,
    )
    left: list[tuple[Any, ...]] = connection.execute(_TAKE, parameters).fetchall()
    emptied = {(line.bucket, line.output_id, chunk_id) for chunk_id, item_count in left if not item_count}
    record.close_emptied(connection, emptied)
