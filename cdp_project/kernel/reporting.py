"""Each process says every two seconds that it is there, what it counted since, and what it has, over Valkey.

A courtesy to people who watch: without Valkey nothing is lost but the report, and counts are handed over later.
"""

import atexit
import os
import socket
import threading
from collections import defaultdict
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import msgspec
import redis
import structlog
from django.conf import settings

from cdp_project.kernel import measuring
from cdp_project.kernel.measuring import FAMILIES, SEPARATOR, Gauge
from cdp_project.kernel.presence import installation

log = structlog.get_logger(__name__)

REPORT_EVERY_S = 2.0
# One that said nothing for this long is gone; so long one that did not take its leave is still told.
ALIVE_FOR_S, REMEMBERED_S = 10.0, 3600.0
VALKEY_WAIT_S = 1.0


@dataclass(frozen=True, slots=True)
class Process:
    """One process, as it described itself `silent_s` ago."""

    kind: str
    pid: int
    host: str
    silent_s: float
    gauges: dict[str, float]

    @property
    def is_alive(self) -> bool:
        return self.silent_s <= ALIVE_FOR_S


class Reporter:
    """Of this process. `kind` is web, pipeline, deliveries, worker or beat."""

    def __init__(self, kind: str) -> None:
        self._me = uuid4().hex
        self._told = {"kind": kind, "pid": os.getpid(), "host": socket.gethostname()}
        self._client = client()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="report", daemon=True)

    def start(self) -> "Reporter":
        """Report from now on, and take leave when the process ends in an orderly way."""
        self._thread.start()
        atexit.register(self.stop)
        return self

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.report()
            self._stopping.wait(REPORT_EVERY_S)

    def report(self) -> None:
        """Once, now."""
        counted = measuring.take()
        try:
            seconds, microseconds = self._client.time()
            said = {**self._told, "at": seconds + microseconds / 1e6, "gauges": measuring.gauges()}
            with self._client.pipeline(transaction=True) as pipeline:
                pipeline.hset(_key("processes"), self._me, msgspec.json.encode(said))
                for field, amount in counted.items():
                    pipeline.hincrbyfloat(_key("counted"), field, amount)
                pipeline.execute()
        except redis.RedisError as error:
            # Perhaps it was taken in all the same: rather a count too high than one that is missing.
            measuring.give_back(counted)
            log.debug("not reported", error=str(error))

    def stop(self) -> None:
        """Hand over the rest and take leave."""
        atexit.unregister(self.stop)
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(2 * VALKEY_WAIT_S)
        self.report()
        try:
            self._client.hdel(_key("processes"), self._me)
        except redis.RedisError as error:
            log.debug("no leave taken", error=str(error))
        self._client.close()


def client() -> "redis.Redis":
    """A connection that never waits for long."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=VALKEY_WAIT_S, socket_timeout=VALKEY_WAIT_S)


def _key(what: str) -> str:
    return f"report:{installation()}:{what}"


def processes(valkey: "redis.Redis") -> list[Process]:
    """All that reported within the last hour and took no leave. Raises redis.RedisError."""
    seconds, microseconds = valkey.time()
    now, found = seconds + microseconds / 1e6, []
    told: dict[Any, Any] = valkey.hgetall(_key("processes"))
    for me, said in told.items():
        each: dict[str, Any] = msgspec.json.decode(said)
        silent_s = max(0.0, now - each["at"])
        if silent_s > REMEMBERED_S:
            valkey.hdel(_key("processes"), me.decode())
        else:
            found.append(Process(each["kind"], each["pid"], each["host"], silent_s, each["gauges"]))
    return sorted(found, key=lambda process: (process.kind, process.pid))


def counted(valkey: "redis.Redis") -> dict[str, dict[measuring.Values, float]]:
    """All counts since Valkey started: by name, then by values of the labels (a histogram's place). RedisError."""
    found: defaultdict[str, dict[measuring.Values, float]] = defaultdict(dict)
    told: dict[Any, Any] = valkey.hgetall(_key("counted"))
    for field, amount in told.items():
        name, *values = field.decode().split(SEPARATOR)
        found[name][tuple(values)] = float(amount)
    return found


def merged_gauges(alive: list[Process]) -> dict[str, dict[measuring.Values, float]]:
    """What living processes have, merged: by name, then by values of the labels."""
    gathered: defaultdict[str, defaultdict[measuring.Values, list[float]]] = defaultdict(lambda: defaultdict(list))
    for process in alive:
        for field, amount in process.gauges.items():
            name, *values = field.split(SEPARATOR)
            gathered[name][tuple(values)].append(amount)
    return {
        name: {values: family.merge(amounts) for values, amounts in gathered[name].items()}
        for name, family in FAMILIES.items()
        if isinstance(family, Gauge)
    }
