"""What was acknowledged is stored once while the supervisor brings killed web workers and PostgreSQL back."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from cdp_project.embedded import address
from tests.faults.load import Load
from tests.product import Product, eventually
from tests.services import var_folder

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def start() -> Iterator[Callable[..., Product]]:
    """Starts products that are stopped at the end, whatever happens."""
    with var_folder() as var:
        yield from _products(var)


def _products(var: Path) -> Iterator[Callable[..., Product]]:
    started: list[Product] = []

    def _start(**environment: str) -> Product:
        product = Product(var / f"product-{len(started)}", **environment)
        started.append(product)
        product.start()
        return product

    yield _start
    for product in started:
        product.stop()


def stored_requests(product: Product) -> Counter[str]:
    """How often each request id is in the event table."""
    url = address.database_url(product.var)
    assert url is not None
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT data->'custom_attributes'->>'request' FROM event").fetchall()
    return Counter(str(request) for (request,) in rows)


def waiting_batches(product: Product) -> int | None:
    """How many wait; None while the database is away."""
    url = address.database_url(product.var)
    assert url is not None
    try:
        with psycopg.connect(url) as connection:
            row = connection.execute("SELECT count(*) FROM inbox").fetchone()
    except psycopg.OperationalError:
        return None
    assert row is not None
    return int(row[0])


def assert_everything_once(product: Product, load: Load) -> None:
    eventually(lambda: waiting_batches(product), lambda waiting: waiting == 0)
    stored = stored_requests(product)
    assert load.gave_up == []
    assert len(load.acknowledged) > 0
    assert set(load.acknowledged) - set(stored) == set(), "acknowledged and lost"
    assert {request: count for request, count in stored.items() if count != 1} == {}, "stored twice"


def test_web_workers_killed_at_random_lose_and_double_nothing(start: Callable[..., Product]) -> None:
    product = start()
    load = Load(product.credentials(), run="web", most=6000, seconds=40).start()

    killed = kill_now_and_then(product, lambda: web_workers(product), kills=5, pause_s=1)
    load.stop()

    assert killed == 5
    assert_everything_once(product, load)


def test_postgres_killed_under_load_loses_and_doubles_nothing(start: Callable[..., Product]) -> None:
    product = start()
    load = Load(product.credentials(), run="postgres", most=6000, seconds=40).start()

    killed = kill_now_and_then(product, lambda: postmaster(product), kills=2, pause_s=3)
    load.stop()

    assert killed == 2
    assert set(load.refused) <= {503}, "an outage is told as 503, never as another fault"
    assert_everything_once(product, load)


def kill_now_and_then(product: Product, victims: Callable[[], list[psutil.Process]], kills: int, pause_s: float) -> int:
    """Kill one of the victims after each pause; how many died."""
    killed = 0
    for _ in range(kills):
        time.sleep(pause_s)  # Not a wait for a result: load runs meanwhile.
        candidates = eventually(victims, bool)
        product.kill(random.choice(candidates))
        killed += 1
    return killed


def web_workers(product: Product) -> list[psutil.Process]:
    return product.processes("uvicorn", "--fd")


def postmaster(product: Product) -> list[psutil.Process]:
    return product.processes("bin/postgres", "-D")
