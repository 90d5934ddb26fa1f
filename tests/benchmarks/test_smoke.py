"""A small benchmark runs on the real stack: its own servers, a real process, the sink, the table, the file."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.product import CHECKOUT

# The database of the tests is not touched; the mark says which suite this belongs to.
pytestmark = pytest.mark.django_db
TINY = ("--only", "delivered", "--rounds", "1", "--pace", "0.01", "--scale", "0.001")


def test_a_tiny_benchmark_has_figures_and_leaves_a_file(tmp_path: Path) -> None:
    file = tmp_path / "bench" / "figures.json"
    bench = [sys.executable, "-m", "tests.benchmarks", *TINY, "--json", str(file)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.services", *bench],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all well" in done.stdout
    assert "noise by round" in done.stdout
    (cell,) = json.loads(file.read_text())["cells"]
    assert cell["key"] == "delivered"
    assert [figure["name"] for figure in cell["figures"] if not figure["median"]] == []
    assert len(cell["figures"]) == 3


def test_a_benchmark_that_there_is_not_is_named_with_those_that_there_are() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", "--only", "nothing"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "'nothing'" in done.stderr
    assert "accepted" in done.stderr
