"""`make up` refuses with one sentence where it cannot run."""

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from cdp_project.embedded import address
from cdp_project.embedded.address import CHECKOUT
from cdp_project.embedded.given_settings import read_settings
from cdp_project.embedded.lock import RunLock, holder_of
from cdp_project.embedded.output import Output
from cdp_project.embedded.ports import LOOPBACK
from cdp_project.embedded.product import Site, environment, first_programs, other_programs, whereabouts
from cdp_project.embedded.servers import start_servers
from cdp_project.embedded.supervisor import Supervisor
from cdp_project.embedded.up import _sink_port
from tests.product import free_port


def up(var: Path, **more: str) -> "subprocess.CompletedProcess[str]":
    env = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
    return subprocess.run(
        [sys.executable, "-m", "cdp_project.embedded.up"],
        cwd=CHECKOUT,
        env=env | {"TRIBUTARY_VAR": str(var), "PORT": str(free_port())} | more,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def refusal(done: "subprocess.CompletedProcess[str]", code: int = 1) -> str:
    """The one line that it said, with its exit code and nothing else; 2 is for variables."""
    assert done.returncode == code
    (line,) = (done.stdout + done.stderr).splitlines()
    return line


def test_a_port_in_use(var: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as other:
        port = other.getsockname()[1]
        said = refusal(up(var, PORT=str(port)))
    assert f"Port {port} on 127.0.0.1 is in use" in said
    assert f"PORT={port + 1} make up" in said
    assert not (var / "servers").exists()


@pytest.mark.parametrize("port", ["http", "0", "70000", "-1"])
def test_a_port_that_is_none(var: Path, port: str) -> None:
    said = refusal(up(var, PORT=port), 2)
    assert said == f"PORT={port} cannot be used; write the number of a port, from 1 to 65535."
    assert not (var / "servers").exists()


def test_a_mistyped_variable_is_told_and_the_start_goes_on(var: Path) -> None:
    done = up(var, CDP_LANE="8", HOST="192.0.2.1")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 2)
    assert done.stderr.startswith("CDP_LANE is no variable of Tributary and changes nothing; CDP_LANES was probably")


def test_what_the_supervisor_goes_by_may_stand_in_files(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://me:secret@db/mine\n")
    environment = {"DATABASE_URL_FILE": str(tmp_path / "url"), "SECRET_KEY_FILE": str(tmp_path / "url")}
    read_settings(environment)
    # The processes read the key themselves: it need not stand in anybody's environment.
    assert environment == {
        "DATABASE_URL": "postgresql://me:secret@db/mine",
        "SECRET_KEY_FILE": str(tmp_path / "url"),
    }


def test_a_sink_port_in_use_is_replaced_and_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server((LOOPBACK, 0)) as other:
        wanted = other.getsockname()[1]
        monkeypatch.setenv("CDP_SINK_PORT", str(wanted))
        found = _sink_port()
    assert found != wanted
    (line,) = capsys.readouterr().out.splitlines()
    assert f"port {wanted} (CDP_SINK_PORT) is in use by another program; using {found} instead" in line


def test_the_run_notes_where_it_listens(var: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, url in (("DATABASE_URL", "postgresql://a@b/c"), ("REDIS_URL", "redis://b")):
        monkeypatch.setenv(name, url)

    async def scene() -> None:
        async with Supervisor(RunLock(var), Output()) as supervisor:
            await start_servers(supervisor, var, whereabouts(Site("::1", 8123, 3, 8100, var)))

    asyncio.run(scene())
    assert address.site(var) == ("::1", "8123")
    assert address.database_url(var) is None


def test_a_host_that_is_not_ours(var: Path) -> None:
    assert "HOST=192.0.2.1 is no address of this machine" in refusal(up(var, HOST="192.0.2.1"), 2)


def test_a_second_run_while_one_runs(var: Path) -> None:
    lock = RunLock(var)
    assert f"Tributary already runs on {var} (process {os.getpid()})" in refusal(up(var))
    lock.release()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert str(tmp_path / "file") in refusal(up(tmp_path / "file" / "var"))


def test_an_unreachable_redis_is_named_without_its_password(var: Path) -> None:
    said = refusal(up(var, REDIS_URL="redis://:secret@127.0.0.1:9/0"), 2)
    assert "The server that REDIS_URL names, 127.0.0.1:9, cannot be reached: Connection refused" in said
    assert "secret" not in said


def test_an_unreachable_database_is_named_without_its_password(var: Path) -> None:
    said = refusal(up(var, DATABASE_URL="postgresql://me:secret@127.0.0.1:9/mine"), 2)
    assert "The server that DATABASE_URL names, 127.0.0.1:9, cannot be reached: Connection refused" in said
    assert "secret" not in said
    assert holder_of(var) is None


def test_the_processes_find_their_addresses_and_the_users_own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDP_DELIVERY_ALLOW", "10.0.0.0/8")
    site = Site("0.0.0.0", 8000, 3, 8100, Path("/a"))  # noqa: S104
    env = environment(site, {"DATABASE_URL": "postgresql://x"})
    assert env["DATABASE_URL"] == "postgresql://x"
    assert env["CDP_DELIVERY_ALLOW"] == "10.0.0.0/8,127.0.0.1/32:8100"
    assert env["CDP_SINK_PORT"] == "8100"
    assert site.own_host == "127.0.0.1"


def test_they_stop_from_the_entrance_to_the_store() -> None:
    site = Site(LOOPBACK, 8000, 3, 8099, Path("/a"))
    programs = sorted([*first_programs(site, {}), *other_programs(site, {})], key=lambda program: program.stop_turn)
    assert [program.name for program in programs] == [
        *("web-1", "web-2", "pipeline", "deliveries", "worker", "beat", "sink")
    ]
