"""The work: what waits and how long, who works on it, what is done by the clock, and whether secrets can be read."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import redis
from django.conf import settings

from cdp_project.kernel import chores, clock, partitions, reporting, secretbox
from cdp_project.kernel.database import Connection
from cdp_project.operation.doctor.findings import Check, Finding, ok, on_database, warning, wrong
from connections import measures
from events.intake.backpressure import oldest_waiting
from events.processing import lanes

SLOW_S = 60.0
MAKES_DAYS = "events.tasks.make_day_partitions"
KINDS = ("web", "pipeline", "deliveries", "worker", "beat")
QUARANTINE_LOOK = timedelta(days=1)
COUNTED_MOST = 10_000
SECRETS_MOST = 500

_QUARANTINED = "SELECT count(*) FROM (SELECT 1 FROM quarantine WHERE quarantined_at > %s LIMIT %s) AS recent"
_SECRETS = """
(SELECT 'input ' || input_id, secret_encrypted FROM input_key ORDER BY id DESC LIMIT %(most)s)
UNION ALL
(SELECT 'output ' || id, secrets_encrypted FROM output WHERE secrets_encrypted <> '' ORDER BY id DESC LIMIT %(most)s)
"""


def inbox(connection: Connection) -> Iterator[Finding]:
    oldest = oldest_waiting(connection)
    age_s = 0.0 if oldest is None else (clock.now() - oldest).total_seconds()
    told = "nothing waits" if oldest is None else f"the oldest batch waits for {age_s:.0f} s"
    if age_s > settings.CDP_BACKLOG_MAX_AGE_S:
        yield wrong("inbox", f"{told}, and intake refuses more", "Start `manage.py run_pipeline`, or more of them.")
    elif age_s > SLOW_S:
        yield warning("inbox", told, "See whether `manage.py run_pipeline` runs; more of them share the work.")
    else:
        yield ok("inbox", told)
    if halted := lanes.halted(connection):
        named = ", ".join(map(str, halted))
        yield wrong("lanes", f"halted: {named}", "`manage.py inbox` tells why, and `--resume` lets them go on.")
    else:
        yield ok("lanes", "none is halted")


def outbox(connection: Connection) -> Iterator[Finding]:
    told = {samples.name: dict(samples.rows) for samples in measures.read(connection, clock.now())}
    ages = told["tributary_output_oldest_waiting_seconds"]
    slow = {output: age_s for (output,), age_s in ages.items() if age_s > SLOW_S}
    for output, age_s in slow.items():
        remedy = "See its alerts: it may be paused, slow, or off; and whether `manage.py run_deliveries` runs."
        yield warning("outbox", f"output {output}: the oldest event waits for {age_s:.0f} s", remedy)
    if not slow:
        yield ok("outbox", f"of {len(ages)} outputs none waits for long")
    if parked := sum(told["tributary_output_parked_events"].values()):
        remedy = "See deliveries with the state parked, mend the cause, and let them go again."
        yield warning("outbox", f"{parked:.0f} events were given up and wait for somebody", remedy)


def quarantine(connection: Connection) -> Iterator[Finding]:
    row: Any = connection.execute(_QUARANTINED, (clock.now() - QUARANTINE_LOOK, COUNTED_MOST)).fetchone()
    if count := int(row[0]):
        remedy = "`manage.py quarantine list` tells why; mend the cause, then `retry`."
        yield warning("quarantine", f"batches put aside within a day: {count}", remedy)
    else:
        yield ok("quarantine", "nothing was put aside within a day")


def processes() -> Iterator[Finding]:
    try:
        with reporting.client() as valkey:
            found = reporting.processes(valkey)
    except redis.RedisError as error:
        yield warning("processes", f"cannot be told ({type(error).__name__})", "Mend Valkey first.")
        return
    alive = [process for process in found if process.is_alive]
    for kind in KINDS:
        if count := sum(process.kind == kind for process in alive):
            yield ok("processes", f"{kind}: {count}")
        else:
            yield wrong("processes", f"{kind}: none runs", "Start it: `make up` runs all of them.")
    for process in (each for each in found if not each.is_alive):
        told = f"{process.kind} {process.pid} on {process.host} took no leave, {process.silent_s:.0f} s ago"
        yield warning("processes", told, "It was killed, or cannot reach Valkey: see its log.")


def days(connection: Connection) -> Iterator[Finding]:
    today = clock.day_of(clock.now())
    missing = [
        name
        for table in partitions.tables_by_day(connection)
        for day in (today, today + timedelta(days=1))
        if (name := partitions.day_partition(table, day)) not in partitions.partitions_of(connection, table)
    ]
    if missing and not _has_ever_run(connection, MAKES_DAYS):
        yield ok("partitions", "not made ahead yet: the first run comes within an hour, processing makes its own")
    elif missing:
        remedy = "See whether worker and beat run: they make partitions every hour; processing makes late ones itself."
        yield warning("partitions", f"missing: {', '.join(missing)}", remedy)
    else:
        yield ok("partitions", "today and tomorrow have theirs")


def _has_ever_run(connection: Connection, chore: str) -> bool:
    """Or should have by now."""
    states = [state for state in chores.states(connection) if state.name == chore]
    return any(state.last is not None or state.is_late(clock.now()) for state in states)


def by_the_clock(connection: Connection) -> Iterator[Finding]:
    now, known = clock.now(), chores.states(connection)
    bad = [finding for state in known for finding in _of_chore(state, now)]
    yield from bad or [ok("chores", f"{len(known)} run in time")]


def _of_chore(state: chores.ChoreState, now: datetime) -> Iterator[Finding]:
    if state.is_late(now):
        began = "never began" if state.last is None else f"began last at {state.last.started_at:%Y-%m-%d %H:%M} UTC"
        every = f"{state.period.total_seconds():.0f} s"
        yield wrong("chores", f"{state.name} is due every {every} and {began}", "See whether worker and beat run.")
    if state.last is not None and state.last.outcome == chores.FAILED:
        yield wrong("chores", f"{state.name} failed: {state.last.error}", "Mend the cause; it is tried again when due.")


def secrets(connection: Connection) -> Iterator[Finding]:
    rows: list[tuple[Any, ...]] = connection.execute(_SECRETS, {"most": SECRETS_MOST}).fetchall()
    unreadable = sorted({owner for owner, ciphertext in rows if not _is_readable(ciphertext)})
    if unreadable:
        some = ", ".join(unreadable[:5])
        remedy = "Add the key that they were encrypted with to CDP_ENCRYPTION_KEYS, or enter them anew."
        yield wrong("secrets", f"no key reads those of {len(unreadable)}: {some}", remedy)
    else:
        yield ok("secrets", f"{len(rows)} can be read")


def _is_readable(ciphertext: str) -> bool:
    try:
        secretbox.decrypt(ciphertext)
    except secretbox.SecretUnreadable:
        return False
    return True


CHECKS = (
    on_database("inbox", inbox),
    on_database("outbox", outbox),
    on_database("quarantine", quarantine),
    Check("processes", processes),
    on_database("chores", by_the_clock),
    on_database("partitions", days),
    on_database("secrets", secrets),
)
