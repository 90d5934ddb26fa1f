"""Environment variables: each wrong value ends the start with one sentence; code and README name the same ones."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cdp_project.variables import VARIABLES, problems, strangers
from tests.product import CHECKOUT

KEY = "TnqQEq0fjpYBZoFkVHHKzM2yqLyqR0qLrdJ1o5RjmcA="
NAMES = [variable.name for variable in VARIABLES]

WRONG = [
    ("PORT", "abc"),
    ("PORT", "65536"),
    ("CDP_SINK_PORT", "0"),
    ("CDP_LANES", "0"),
    ("CDP_LANES", "4097"),
    ("CDP_LANES", "٣"),
    ("CDP_LANES", "9" * 5000),
    ("CDP_LANES", "-1"),
    ("CDP_INTAKE_WAITING_BYTES", "64 MB"),
    ("CDP_INTAKE_WAITING_REQUESTS", "0"),
    ("CDP_BACKLOG_MAX_AGE_S", "1.5"),
    ("CDP_DISK_FREE_LEAST_MB", "-1"),
    ("CDP_CLIENT_MPIDS_PER_MINUTE", "many"),
    ("CDP_EVENT_RETENTION_DAYS", "0"),
    ("DEBUG", "maybe"),
    ("CDP_HTTPS", "https"),
    ("CDP_FAST_LANE", "2"),
    ("CDP_LOG_LEVEL", "loud"),
    ("CDP_DELIVERY_ALLOW", "10.0.0.0/8,nowhere"),
    ("CDP_DELIVERY_ALLOW", "10.0.0.1/8"),
    ("CSRF_TRUSTED_ORIGINS", "cdp.example.com"),
]
WRONG_SECRETS = [
    ("DATABASE_URL", "mysql://me:hush@host/name"),
    ("DATABASE_URL", "postgresql://me:hush@host:port/name"),
    ("DATABASE_URL", "postgresql://me:hush@host"),
    ("REDIS_URL", "http://:hush@host"),
    ("REDIS_URL", "redis://:hush@host:99999/0"),
    ("CELERY_BROKER_URL", "kafka://:hush@host"),
    ("CDP_ENCRYPTION_KEYS", "hush"),
    ("CDP_ENCRYPTION_KEYS", f"{KEY},hush"),
]
RIGHT = [
    ("PORT", "8000"),
    ("CDP_LANES", "4096"),
    ("CDP_DISK_FREE_LEAST_MB", "0"),
    ("DEBUG", "No"),
    ("CDP_LOG_LEVEL", "WARNING"),
    ("CDP_DELIVERY_ALLOW", "10.1.0.0/16, [fd00::/8]:8099,"),
    ("CSRF_TRUSTED_ORIGINS", "https://cdp.example.com"),
    ("DATABASE_URL", "postgresql:///mine"),
    ("DATABASE_URL", "postgres://me@%2Fvar%2Frun/mine"),
    ("REDIS_URL", "rediss://:hush@host"),
    ("CELERY_BROKER_URL", "amqp://me:hush@host//"),
    ("CDP_ENCRYPTION_KEYS", f"{KEY},{KEY}"),
    ("CDP_LANES", ""),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_value_is_one_sentence_with_name_value_and_remedy(name: str, value: str) -> None:
    (sentence,) = problems({name: value})
    assert re.fullmatch(rf"{name}={re.escape(value)} cannot be used; write .+\.", sentence)


@pytest.mark.parametrize(("name", "value"), WRONG_SECRETS)
def test_a_secret_is_named_and_not_shown(name: str, value: str) -> None:
    (sentence,) = problems({name: value})
    assert sentence.startswith(f"{name} cannot be used; ")
    assert "hush" not in sentence
    assert KEY not in sentence


@pytest.mark.parametrize(("name", "value"), RIGHT)
def test_right_values_are_taken(name: str, value: str) -> None:
    assert problems({name: value}) == []


def test_files_are_read_and_checked(tmp_path: Path) -> None:
    (tmp_path / "lanes").write_text("8\n")
    (tmp_path / "none").write_text("none")
    (tmp_path / "bytes").write_bytes(b"\xff")

    assert problems({"CDP_LANES_FILE": str(tmp_path / "lanes")}) == []
    assert "write a whole number" in problems({"CDP_LANES_FILE": str(tmp_path / "none")})[0]
    assert "it is no text" in problems({"CDP_LANES_FILE": str(tmp_path / "bytes")})[0]
    (missing,) = problems({"SECRET_KEY_FILE": str(tmp_path / "missing")})
    assert missing.startswith(f"SECRET_KEY_FILE={tmp_path / 'missing'} cannot be read (No such file or directory)")
    (both,) = problems({"CDP_LANES": "8", "CDP_LANES_FILE": str(tmp_path / "lanes")})
    assert "both set" in both


def test_unknown_variables_of_ours_are_told_with_the_nearest_name() -> None:
    environment = {"CDP_LANE": "1", "CDP_QQQ_FILE": "1", "CDP_FAILPOINTS": "", "LANES": "1", "CDP_LANES_FILE": "x"}
    assert strangers(environment) == [
        "CDP_LANE is no variable of Tributary and changes nothing; CDP_LANES was probably meant.",
        "CDP_QQQ_FILE is no variable of Tributary and changes nothing.",
    ]


def test_every_way_in_ends_with_code_2_and_nothing_but_the_sentence() -> None:
    wrong = {**os.environ, "CDP_LANES": "0", "DATABASE_URL": "mysql://me:hush@host/x"}
    ways = [
        [sys.executable, "manage.py", "run_pipeline"],
        [sys.executable, "-m", "uvicorn", "cdp_project.asgi:application", "--port", "1"],
        [sys.executable, "-m", "celery", "--app", "cdp_project.celery:app", "beat"],
        [sys.executable, "-m", "cdp_project.embedded.up"],
    ]
    for way in ways:
        done = subprocess.run(way, cwd=CHECKOUT, env=wrong, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 2, way
        assert [line.split()[0] for line in done.stderr.splitlines()] == ["DATABASE_URL", "CDP_LANES=0"], way
        assert "hush" not in done.stdout + done.stderr


def test_the_readme_and_the_settings_name_the_same_variables() -> None:
    table = (CHECKOUT / "README.md").read_text().partition("\n## Configuration\n")[2].partition("\n## ")[0]
    told = [name for row in re.findall(r"^\| (`.+?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)]
    tree = ast.parse((CHECKOUT / "cdp_project/settings.py").read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    read = {
        node.args[0].value
        for node in calls
        if isinstance(node.func, ast.Attribute)
        and ast.unparse(node.func.value) == "env"
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }

    assert sorted(told) == sorted(NAMES)
    assert len(set(NAMES)) == len(NAMES)
    # The rest is read by the supervisor.
    assert set(NAMES) - read == {"HOST", "PORT", "CDP_SINK_PORT"}
    assert read <= set(NAMES)


def test_the_defaults_that_the_readme_tells_are_those_of_the_code() -> None:
    told = dict(re.findall(r"^\| `(\w+)` \| (\d+) \|", (CHECKOUT / "README.md").read_text(), re.MULTILINE))
    code = (CHECKOUT / "cdp_project/settings.py").read_text()
    numbers = dict(re.findall(r'env\.number\("(\w+)", ([\d_ *]+)\)', code))
    values = {name: _product(text) for name, text in numbers.items()}

    assert {name: str(value) for name, value in values.items() if name in told} == {
        name: value for name, value in told.items() if name in values
    }
    assert len(values) >= 7


def _product(text: str) -> int:
    product = 1
    for factor in text.split("*"):
        product *= int(factor)
    return product
