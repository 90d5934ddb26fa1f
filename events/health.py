"""Health for supervisors and load balancers: alive, and ready to store."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import psycopg
import redis
from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from cdp_project.kernel import clock
from cdp_project.kernel.database import Connection, connect
from events.intake.backpressure import backlog_problem, disk_problem, oldest_waiting
from events.processing import lanes

Problems = dict[str, str]
"""Sentences by what they are about."""

VALKEY_TIMEOUT_S = 1.0
ANSWER_WITHIN_S = 5.0

# A thread of its own: a database that hangs must not hold the one that answers.
_looker = ThreadPoolExecutor(1, thread_name_prefix="readiness")

_WRITE = """
INSERT INTO store_probe (id, written_at) VALUES (1, %s)
ON CONFLICT (id) DO UPDATE SET written_at = EXCLUDED.written_at
"""


@require_safe
def alive(_request: HttpRequest) -> JsonResponse:
    """The process answers. Asks nobody else."""
    return JsonResponse({"status": "alive"})


@require_safe
def ready(_request: HttpRequest) -> JsonResponse:
    """Events can be stored: a row was committed, the disk has room, processing keeps up. Else 503 with reasons.

    Without Valkey everything goes on, only slower, and a halted lane keeps what it has: that is named, and
    does not make it 503.
    """
    reasons, degraded = _look_in_time(clock.now())
    if problem := _valkey_problem():
        degraded["valkey"] = problem
    if reasons:
        return JsonResponse({"status": "not ready", "reasons": reasons, "degraded": degraded}, status=503)
    return JsonResponse({"status": "ready", "degraded": degraded})


def _look_in_time(now: datetime) -> tuple[Problems, Problems]:
    looking = _looker.submit(_look, now)
    try:
        return looking.result(ANSWER_WITHIN_S)
    except TimeoutError:
        looking.cancel()
        return {"database": f"It did not answer within {ANSWER_WITHIN_S:.0f} seconds."}, {}


def _look(now: datetime) -> tuple[Problems, Problems]:
    """Why nothing can be stored, and what is worse than it should be."""
    problems: dict[str, Callable[[Connection], str | None]] = {
        "database": lambda connection: _write(connection, now),
        "backlog": lambda connection: backlog_problem(oldest_waiting(connection), now),
        "disk": lambda _connection: disk_problem(),
    }
    try:
        # Not kept: what is asked is whether a process that starts now could store.
        with connect(autocommit=True, name="tributary readiness") as connection:
            connection.execute("SET statement_timeout = '3s'")
            found = {name: look(connection) for name, look in problems.items()}
            halted = _halted_lanes(connection)
    except psycopg.Error as error:
        return {"database": f"A row could not be written: {type(error).__name__}."}, {}
    return {name: problem for name, problem in found.items() if problem}, halted


def _halted_lanes(connection: Connection) -> Problems:
    if not (halted := lanes.halted(connection)):
        return {}
    named = ", ".join(map(str, halted))
    return {"lanes": f"Halted, see `manage.py inbox` for why and `--resume` it: {named}."}


def _write(connection: Connection, now: datetime) -> None:
    connection.execute(_WRITE, (now,))


def _valkey_problem() -> str | None:
    client = redis.Redis.from_url(
        settings.REDIS_URL, socket_connect_timeout=VALKEY_TIMEOUT_S, socket_timeout=VALKEY_TIMEOUT_S
    )
    try:
        client.ping()
    except redis.RedisError as error:
        return f"Wake-ups and rate limits rest: {type(error).__name__}."
    finally:
        client.close()
    return None
