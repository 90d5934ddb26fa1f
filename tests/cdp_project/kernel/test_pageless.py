"""Who leaves the console and the API unloaded, and that they are unloaded."""

import subprocess
import sys

import pytest

from cdp_project.kernel.pageless import is_pageless
from tests.product import CHECKOUT

LOADED = """
import sys
sys.argv = {argv!r}
import django
django.setup()
print(*(name for name in ("cdp_project.console.site", "rest_framework.views", "drf_spectacular.openapi")
        if name in sys.modules))
"""


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["manage.py", "run_pipeline"], True),
        (["/srv/manage.py", "run_deliveries", "--verbosity", "1"], True),
        (["/venv/lib/site-packages/celery/__main__.py", "--app", "cdp_project.celery:app", "beat"], True),
        (["/venv/bin/celery", "worker"], True),
        (["-m", "--quiet"], True),
        (["manage.py", "migrate"], False),
        (["manage.py"], False),
        (["/venv/lib/site-packages/uvicorn/__main__.py", "cdp_project.asgi:application"], False),
        ([], False),
    ],
)
def test_it_is_told_by_the_command_line(argv: list[str], expected: bool) -> None:
    assert is_pageless(argv) is expected


@pytest.mark.parametrize(("command", "loads"), [("run_pipeline", False), ("run_deliveries", False), ("migrate", True)])
def test_loops_load_no_pages(command: str, loads: bool) -> None:
    code = LOADED.format(argv=["manage.py", command])
    done = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert ("cdp_project.console.site" in done.stdout) is loads
    assert ("drf_spectacular.openapi" in done.stdout) is loads
