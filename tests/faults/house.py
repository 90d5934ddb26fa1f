"""Everything that an event passes, on a PostgreSQL of its own: web, two pipelines, two deliveries, a sink, a client."""

import os
import random
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
from pytest_django import DjangoDbBlocker

from tests import factories
from tests.faults.arrivals import Arrivals
from tests.faults.equation import Equation, Known, Look, watched
from tests.faults.load import Load
from tests.faults.own_postgres import OwnPostgres, leading_django_to
from tests.faults.processes import Workers, manage, replacing, web
from tests.post import Post
from tests.product import Credentials, eventually, free_port
from tests.services import var_folder
from tests.shop import Shop
from tests.sink import running_sink

REFUSED_SHARE = 0.02
SEED = 20
SESSIONS = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'"


@dataclass
class House:
    """Who runs, and what is known. `log` is what all processes said."""

    server: OwnPostgres
    workers: dict[str, Workers]
    load: Load
    arrivals: Arrivals
    log: Path

    def known(self) -> Known:
        """What client and sink know now."""
        return Known(len(self.load.acknowledged), self.load.begun, len(self.arrivals.taken))

    def struck(self, names: list[str]) -> list[str]:
        """Those of the failpoints at which a process died."""
        log = self.log.read_text(errors="replace")
        return [name for name in names if f"failpoint {name} struck" in log]

    def kill_database(self, chance: random.Random) -> None:
        """End the server at once and start it again, or kill one of its sessions, which ends all of them."""
        if chance.random() < 0.5:
            self.server.stop_at_once()
            self.server.start()
        else:
            # Perhaps it is still away since the last time.
            with suppress(psycopg.OperationalError), psycopg.connect(self.server.url) as connection:
                found = connection.execute(SESSIONS).fetchall()
                os.kill(chance.choice(found)[0], signal.SIGKILL)


@contextmanager
def house(
    blocker: DjangoDbBlocker, run: str, seconds: float, failpoints: Sequence[str] = ()
) -> Iterator[tuple[House, Equation]]:
    """The house with its load under way and the equation looked at; ended at the end, whatever happens."""
    with var_folder() as var, running_sink() as sink:
        server = OwnPostgres(var)
        server.start()
        try:
            with leading_django_to(server, blocker):
                shop = Shop(factories.feed(factories.workspace()))
                Post(shop).connect(sink)
                shop.close()
                arrivals = sink.script = Arrivals(random.Random(SEED), REFUSED_SHARE)
                workers, port, log = _workers(var, failpoints)
                load = Load(_credentials(shop, port), run, most=1_000_000, seconds=seconds, threads=6)
                built = House(server, workers, load, arrivals, log)
                with replacing(*workers.values()), watched(server.url, built.known) as equation:
                    load.start()
                    yield built, equation
        finally:
            server.close()


def _workers(var: Path, failpoints: Sequence[str]) -> tuple[dict[str, Workers], int, Path]:
    """Each part has those of the failpoints that begin with its name in code."""
    port, log = free_port(), var / "workers.log"
    parts = [
        ("web", "intake.", web(port), 1),
        ("pipeline", "pipeline.", manage("run_pipeline"), 2),
        ("deliveries", "delivery.", manage("run_deliveries"), 2),
    ]
    started = {
        name: Workers(command, count, [each for each in failpoints if each.startswith(prefix)], log)
        for name, prefix, command, count in parts
    }
    return started, port, log


def _credentials(shop: Shop, port: int) -> Credentials:
    address = f"http://127.0.0.1:{port}"
    return Credentials(address, shop.workspace.pk, "", "", "", shop.key.key, shop.key.secret)


def at_rest(equation: Equation) -> Look:
    """The books once nothing waits any more; fails with the numbers when something waits for ever."""

    def look() -> Look | None:
        try:
            return equation.look()
        except psycopg.OperationalError:
            return None

    found = eventually(look, lambda seen: seen is not None and seen.waiting == 0, 60)
    assert found is not None
    assert found.faults() == [], found.table()
    return found
