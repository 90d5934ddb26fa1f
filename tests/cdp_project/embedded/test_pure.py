"""The decisions of the launcher that need no process."""

import json
from pathlib import Path

import pytest

from cdp_project.embedded.address import ADDRESS_FILE, database_url, redis_url, site
from cdp_project.embedded.banner import FirstStart, banner
from cdp_project.embedded.child import ending, pause_seconds
from cdp_project.embedded.guard import note
from cdp_project.embedded.tuning import GIB, MIB, postgres_settings
from cdp_project.embedded.valkey import configuration


def test_addresses_are_none_while_nothing_runs(tmp_path: Path) -> None:
    assert database_url(tmp_path) is None
    assert redis_url(tmp_path / "nowhere") is None


def test_addresses_are_read_from_the_file(tmp_path: Path) -> None:
    (tmp_path / ADDRESS_FILE).write_text(json.dumps({"database_url": "postgresql://a", "redis_url": "redis://b"}))
    assert database_url(tmp_path) == "postgresql://a"
    assert redis_url(tmp_path) == "redis://b"


def test_the_site_is_read_beside_them(tmp_path: Path) -> None:
    assert site(tmp_path) == (None, None)
    (tmp_path / ADDRESS_FILE).write_text(json.dumps({"host": "0.0.0.0", "port": "8123", "redis_url": "redis://b"}))  # noqa: S104
    assert site(tmp_path) == ("0.0.0.0", "8123")  # noqa: S104


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"'])
def test_a_broken_address_file_counts_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / ADDRESS_FILE).write_text(text)
    assert database_url(tmp_path) is None


@pytest.mark.parametrize(
    ("memory", "disk", "shared", "wal"),
    [
        (24 * GIB, 80 * GIB, "1024MB", "4096MB"),
        (2 * GIB, 10 * GIB, "512MB", "1024MB"),
        (128 * MIB, GIB, "64MB", "1024MB"),
    ],
)
def test_settings_follow_the_machine(memory: int, disk: int, shared: str, wal: str) -> None:
    settings = postgres_settings(memory, disk)
    assert (settings["shared_buffers"], settings["max_wal_size"]) == (shared, wal)
    assert settings["max_connections"] == "200"


def test_settings_are_durable_on_every_machine() -> None:
    for memory in (128 * MIB, 64 * GIB):
        settings = postgres_settings(memory, GIB)
        assert {settings[name] for name in ("fsync", "synchronous_commit", "full_page_writes")} == {"on"}


def test_valkey_listens_on_loopback_with_a_password_and_writes_nothing() -> None:
    lines = configuration(Path("/a folder"), 12345, "secret").splitlines()
    assert {"bind 127.0.0.1", "requirepass secret", 'save ""', "appendonly no", 'dir "/a folder"'} <= set(lines)


def test_pauses_double_up_to_a_bound() -> None:
    assert [pause_seconds(failures, 30) for failures in range(1, 6)] == [0.5, 1, 2, 4, 8]
    assert pause_seconds(50, 30) == 30


def test_endings_are_told_in_words() -> None:
    assert ending(-9) == "killed by SIGKILL"
    assert ending(3) == "exit code 3"


def test_the_guard_keeps_a_list_of_the_living() -> None:
    left: dict[int, int] = {}
    for line in ("+10 15\n", "+11 2\n", "-10\n", "nonsense\n", "+12\n"):
        note(left, line)
    assert left == {11: 2}


FIRST = FirstStart(
    console_url="http://127.0.0.1:8000/",
    username="admin",
    password="pw-1",
    curl="curl here",
    sdk_snippet="import mparticle",
    created=True,
)


def test_the_banner_shows_a_new_password_and_both_ways_to_send() -> None:
    text = banner(FIRST, "http://127.0.0.1:8099/")
    for part in ("http://127.0.0.1:8000/", "pw-1", "curl here", "import mparticle", "http://127.0.0.1:8099/"):
        assert part in text


def test_the_banner_names_the_command_when_the_password_is_set() -> None:
    text = banner(FirstStart(**{**FIRST, "password": None}), "")
    assert "manage.py changepassword admin" in text
    assert "pw-1" not in text
