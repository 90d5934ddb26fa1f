"""A rolling restart, and a stop, of the whole product under load: nothing refused, lost, doubled or out of order."""

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from cdp_project.embedded import address
from tests.faults.arrivals import Arrivals
from tests.faults.equation import Known, watched
from tests.faults.patient import Patient
from tests.product import CHECKOUT, Product, eventually
from tests.services import var_folder
from tests.sink import Sink, running_sink

pytestmark = pytest.mark.timeout(180)

CLIENTS = 6
RENEWED = ("uvicorn", "run_pipeline", "run_deliveries", "celery worker", "celery beat")
STOP_MAY_TAKE_S = 20
CONNECT = """
from cdp_project.workspaces.models import Workspace
from connections.models import Connection
from connections.outputs import save_settings
from connections.models import Output
from events.models import Input
from tests import factories
demo = Workspace.objects.get(slug="demo")
Connection.objects.all().delete()
output = Output(workspace=demo, integration="webhook", name="Counted")
save_settings(output, {{"url": "{url}", "send": "event"}})
for feed in Input.objects.filter(workspace=demo, kind="feed"):
    factories.connection(feed, output)
"""


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with var_folder() as var:
        product = Product(var, CDP_DELIVERY_ALLOW="127.0.0.1/32")
        try:
            product.start()
            yield product
        finally:
            product.stop()


@contextmanager
def clients(product: Product, sink: Sink, run: str) -> Iterator[list[Patient]]:
    """Half of them keep their connections. What they send goes to the sink, and nowhere else."""
    product.manage("shell", "-c", CONNECT.format(url=sink.url))
    credentials = product.credentials()
    running = [Patient(credentials, f"{run}-{number}", keeps=bool(number % 2)) for number in range(CLIENTS)]
    for client in running:
        client.start()
    try:
        yield running
    finally:
        for client in running:
            client.stop()


def restart(product: Product) -> "subprocess.CompletedProcess[str]":
    argv = [sys.executable, "-m", "cdp_project.embedded", "restart", "--var", str(product.var)]
    return subprocess.run(argv, cwd=CHECKOUT, capture_output=True, text=True, timeout=120, check=False)


def pids(product: Product) -> dict[str, set[int]]:
    return {name: {each.pid for each in product.processes(*name.split())} for name in RENEWED}


def answered(running: list[Patient]) -> int:
    return sum(len(client.answers) for client in running)


def test_a_rolling_restart_is_noticed_by_nobody(product: Product) -> None:
    with running_sink() as sink:
        arrivals = sink.script = Arrivals(random.Random(1), 0.0)
        with clients(product, sink, "restart") as running:
            url = str(address.database_url(product.var))

            def known() -> Known:
                count = answered(running)
                return Known(count, count + CLIENTS, len(arrivals.taken))

            with watched(url, known) as equation:
                eventually(lambda: answered(running), lambda count: count > 50)
                before = pids(product)
                done = restart(product)
                at_the_end = answered(running)
                eventually(lambda: answered(running), lambda count: count > at_the_end + 50)
            after = pids(product)
        counts = {client.person: len(client.answers) for client in running}
        eventually(lambda: len(arrivals.taken), lambda count: count >= sum(counts.values()))

    assert (done.returncode, done.stderr) == (0, ""), product.log()
    assert [client.faults for client in running] == [[]] * CLIENTS
    assert arrivals.numbers == {person: list(range(count)) for person, count in counts.items()}
    assert (arrivals.repeated, arrivals.changed) == (0, [])
    assert equation.looks > 0
    for name in RENEWED:
        assert len(after[name]) == len(before[name]), name
        assert not after[name] & before[name], name
    gap_s = max(client.longest_gap_s for client in running)
    print(f"longest gap in answers {gap_s:.3f} s over {sum(counts.values())} uploads")


def test_a_new_process_that_does_not_start_leaves_the_old_ones(product: Product) -> None:
    with running_sink() as sink:
        sink.script = Arrivals(random.Random(2), 0.0)
        with clients(product, sink, "refused") as running:
            before = pids(product)
            # Its migrations cannot be looked at: the table of them is away for a moment.
            with psycopg.connect(str(address.database_url(product.var)), autocommit=True) as connection:
                connection.execute("ALTER TABLE chore_run RENAME TO hidden")
                connection.execute("DELETE FROM django_migrations WHERE app = 'workspaces'")
                done = restart(product)
                connection.execute("ALTER TABLE hidden RENAME TO chore_run")
        assert pids(product) == before

    assert done.returncode == 1
    assert "The restart stopped, and what runs goes on: " in done.stderr
    assert [client.faults for client in running] == [[]] * CLIENTS


def test_a_stop_under_load_loses_nothing_and_leaves_no_lane_taken(product: Product) -> None:
    with running_sink() as sink:
        arrivals = sink.script = Arrivals(random.Random(3), 0.0)
        with clients(product, sink, "stop") as running:
            eventually(lambda: answered(running), lambda count: count > 100)
            began_at = time.monotonic()
            product.stop()
            took_s = time.monotonic() - began_at
        accepted = {client.person: len(client.answers) for client in running}
        assert took_s < STOP_MAY_TAKE_S
        # What had been answered is there, and goes out once somebody works again.
        product.start()
        eventually(lambda: len(arrivals.taken), lambda count: count >= sum(accepted.values()))

    for person, count in accepted.items():
        assert arrivals.numbers[person][:count] == list(range(count))
        # One that was cut off unanswered may be there, too: who got no answer knows nothing.
        assert len(arrivals.numbers[person]) <= count + 1
    assert arrivals.changed == []


def test_nothing_to_restart_is_told_in_a_sentence() -> None:
    with var_folder() as var:
        done = restart(Product(var))
    assert done.returncode == 1
    assert done.stderr.startswith(f"Nothing runs on {var} that could be restarted")
