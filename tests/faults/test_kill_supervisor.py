"""The whole product under `manage.py up`: what it says, and that a kill of its supervisor leaves nothing behind."""

from collections.abc import Iterator

import psutil
import psycopg
import pytest

from cdp_project.embedded import address
from tests.product import Product, eventually
from tests.services import var_folder

pytestmark = pytest.mark.timeout(180)

PROCESSES = (
    "uvicorn",
    "run_pipeline",
    "run_deliveries",
    "celery worker",
    "celery beat",
    "embedded.sink",
    "bin/postgres",
)


@pytest.fixture
def product() -> Iterator[Product]:
    with var_folder() as var:
        product = Product(var)
        try:
            product.start()
            yield product
        finally:
            product.stop()


def test_a_killed_supervisor_leaves_no_orphan_and_the_next_start_finds_everything(product: Product) -> None:
    assert "password: as set" not in product.log()
    marked = product.var / "marked"
    _run(product, f"CREATE TABLE marked AS SELECT '{marked}'::text AS path")

    family = product.kill_supervisor()
    gone, left = psutil.wait_procs(family, timeout=60)

    assert left == []
    assert len(gone) > len(PROCESSES)
    product.start()
    eventually(product.log, lambda log: "password: as set" in log)
    assert _run(product, "SELECT path FROM marked") == (str(marked),)
    assert _run(product, "SELECT count(*) FROM auth_user") == (1,)


def _run(product: Product, statement: str) -> object:
    url = address.database_url(product.var)
    assert url is not None
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchone() if cursor.description else None


def test_every_process_runs_and_none_shows_a_secret_on_its_command_line(product: Product) -> None:
    def lines() -> list[str]:
        return [" ".join(process.cmdline()) for process in product.processes()]

    eventually(lines, lambda found: all(any(part in _words(line) for line in found) for part in PROCESSES))
    url = address.database_url(product.var)
    assert url is not None
    password = url.split(":")[2].split("@")[0]
    assert [line for line in lines() if password in line] == []


def _words(line: str) -> str:
    """A command line without the options between a program and its verb."""
    return line.replace("--quiet --skip-checks --app cdp_project.celery:app ", "")
