"""The product's processes as a list: what `make up` runs, and in which order it stops."""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cdp_project.embedded.address import CHECKOUT
from cdp_project.embedded.ports import LOOPBACK
from cdp_project.embedded.probe import is_up
from cdp_project.embedded.program import Program, Renewed

DEFAULT_PORT = 8000
DEFAULT_SINK_PORT = 8099
# Clients wait at the door meanwhile.
LONGEST_WEB_PAUSE_SECONDS = 1.0
# First the web, then all that works behind it: ten seconds together, then they are ended.
STOP_SECONDS = 5.0
# What a process says when it is about to work.
STARTED = "worker started"
MANAGE = (sys.executable, str(CHECKOUT / "manage.py"))
CELERY = (sys.executable, "-m", "celery", "--quiet", "--skip-checks", "--app", "cdp_project.celery:app")
# Its reason is pickled tasks, which let anybody who reaches the broker run code; ours are JSON.
ROOT_WARNING = (
    "SecurityWarning:",
    "absolutely not recommended!",
    "--uid option",
    "User information:",
    "_warn_or_raise",
)


@dataclass(frozen=True)
class Site:
    """Where this run listens and writes."""

    host: str
    port: int
    # The listening socket: it stays open while web processes come and go.
    door: int
    sink_port: int
    var: Path

    @property
    def own_host(self) -> str:
        """The address by which this machine reaches the web server."""
        return {"0.0.0.0": LOOPBACK, "::": "::1", "": LOOPBACK}.get(self.host, self.host)  # noqa: S104


def whereabouts(site: Site) -> dict[str, str]:
    """Where this run listens, as environment variables."""
    return {"HOST": site.host, "PORT": str(site.port), "CDP_SINK_PORT": str(site.sink_port)}


def environment(site: Site, addresses: Mapping[str, str]) -> dict[str, str]:
    """What every process finds set: ours, and on top of it where this run listens and stores."""
    allowed = [os.environ.get("CDP_DELIVERY_ALLOW", ""), f"{LOOPBACK}/32:{site.sink_port}"]
    return {
        **os.environ,
        **addresses,
        "TRIBUTARY_VAR": str(site.var),
        **whereabouts(site),
        # The demo's output reaches the sink; other private addresses stay closed.
        "CDP_DELIVERY_ALLOW": ",".join(filter(None, allowed)),
        "PYTHONUNBUFFERED": "1",
    }


def first_programs(site: Site, env: Mapping[str, str]) -> list[Program]:
    """What has to run before anybody is told that the product runs."""
    return [
        _web("web-1", site, env, is_ready=partial(is_up, site.own_host, site.port)),
        _loop("pipeline", env),
        _sink(site, env),
    ]


def other_programs(site: Site, env: Mapping[str, str]) -> list[Program]:
    """What may come up a moment later."""
    alone = ("--without-gossip", "--without-mingle")
    worker = (*CELERY, "worker", "-P", "threads", "-c", "2", "--loglevel", "WARNING", *alone)
    beat = (*CELERY, "beat", "--loglevel", "WARNING", "--pidfile=")
    return [
        _web("web-2", site, env),
        _loop("deliveries", env),
        Program(
            "worker",
            worker,
            env,
            CHECKOUT,
            stop_turn=2,
            stop_seconds=STOP_SECONDS,
            mute=ROOT_WARNING,
            renewed=Renewed.OVERLAPPING,
        ),
        # Two would send every chore twice.
        Program("beat", beat, env, CHECKOUT, stop_turn=2, stop_seconds=STOP_SECONDS, renewed=Renewed.IN_TURN),
    ]


def _loop(name: str, env: Mapping[str, str]) -> Program:
    """A hot loop: several of them share the work."""
    return Program(
        name,
        (*MANAGE, f"run_{name}"),
        env,
        CHECKOUT,
        stop_turn=2,
        stop_seconds=STOP_SECONDS,
        ready_mark=STARTED,
        renewed=Renewed.OVERLAPPING,
    )


def _web(name: str, site: Site, env: Mapping[str, str], is_ready: Callable[[int], bool] | None = None) -> Program:
    argv = (
        *(sys.executable, "-m", "uvicorn", "cdp_project.asgi:application", "--fd", str(site.door)),
        *("--loop", "uvloop", "--http", "cdp_project.http_leave:LeavingHttp"),
        # What browsers say over sockets are a few words.
        *("--ws", "cdp_project.socket_bounds:BoundedSocket", "--ws-max-size", "4096"),
        *("--ws-ping-interval", "20", "--ws-ping-timeout", "20"),
        # Addresses of clients are taken from the connection alone: nobody can forge them.
        *("--no-proxy-headers", "--no-server-header", "--no-access-log", "--log-level", "warning"),
        *("--timeout-graceful-shutdown", "3"),
    )
    return Program(
        name,
        argv,
        env,
        CHECKOUT,
        shares=(site.door,),
        longest_pause_seconds=LONGEST_WEB_PAUSE_SECONDS,
        stop_turn=1,
        stop_seconds=STOP_SECONDS,
        is_ready=is_ready,
        ready_mark=STARTED,
        renewed=Renewed.OVERLAPPING,
    )


def _sink(site: Site, env: Mapping[str, str]) -> Program:
    argv = (sys.executable, "-m", "cdp_project.embedded.sink", "--port", str(site.sink_port))
    return Program(
        "sink", argv, env, CHECKOUT, stop_turn=5, is_ready=partial(is_up, LOOPBACK, site.sink_port, path="/")
    )
