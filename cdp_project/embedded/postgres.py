"""The embedded PostgreSQL: makes its data folder once, then says how to run the server in it."""

import os
import shutil
import signal
from functools import partial
from pathlib import Path

from cdp_project.embedded import postmaster
from cdp_project.embedded.account import Account, run_as, server_environment
from cdp_project.embedded.binaries import postgres_install
from cdp_project.embedded.errors import StartError, disk_is_full, told_in_a_sentence
from cdp_project.embedded.files import private_secret
from cdp_project.embedded.home import server_folder
from cdp_project.embedded.ports import LOOPBACK, keep_port
from cdp_project.embedded.program import Program
from cdp_project.embedded.tuning import MIB, postgres_settings

ROLE = DATABASE = "tributary"
NEEDS_FREE_BYTES = 256 * MIB


def postgres(home: Path, account: Account | None) -> tuple[Program, str]:
    """The server as a program and its address; makes the data folder at the first call. Raises StartError."""
    if shutil.disk_usage(home).free < NEEDS_FREE_BYTES:
        raise disk_is_full(home)
    folder = server_folder(home, "postgres", account)
    install = postgres_install(home, account)
    with told_in_a_sentence(folder):
        password = private_secret(folder / "password", account.owner if account else None)
        port = keep_port(folder / "port")
        data = folder / "data"
        if not data.exists():
            _make_data(install, data, folder / "password", account)
    _check_version(install, data, account)
    url = f"postgresql://{ROLE}:{password}@{LOOPBACK}:{port}/{DATABASE}"
    return _program(install, data, port, account), url


def _program(install: Path, data: Path, port: int, account: Account | None) -> Program:
    settings = postgres_settings(_memory_bytes(), shutil.disk_usage(data).free) | {
        "port": str(port),
        "listen_addresses": LOOPBACK,
        "unix_socket_directories": "",
    }
    options = [option for name, value in settings.items() for option in ("-c", f"{name}={value}")]
    return Program(
        name="postgres",
        argv=(str(install / "bin/postgres"), "-D", str(data), *options),
        env=server_environment(),
        cwd=data,
        account=account,
        stop_signal=signal.SIGINT,  # "fast": roll back what is open, write a checkpoint, end.
        second_signal=signal.SIGQUIT,
        stop_seconds=60,
        # Cut short it recovers for minutes at the next start.
        hurried_stop_seconds=10,
        stop_turn=9,
        slow_hint="is still starting: after a hard stop it first recovers what was committed",
        before=partial(postmaster.clear_the_way, data),
        is_ready=partial(postmaster.is_ready, data),
    )


def _make_data(install: Path, data: Path, password_file: Path, account: Account | None) -> None:
    # Under another name until it is complete: a start that is cut short is simply repeated.
    draft = data.with_name("data.new")
    shutil.rmtree(draft, ignore_errors=True)
    _run(account, _initdb(install, draft, password_file))
    _run(
        account,
        [str(install / "bin/postgres"), "--single", "-D", str(draft), "postgres"],
        typed=f"CREATE DATABASE {DATABASE};\n",
    )
    draft.rename(data)


def _initdb(install: Path, draft: Path, password_file: Path) -> list[str]:
    return [
        str(install / "bin/initdb"),
        *("-D", str(draft), "--username", ROLE, "--pwfile", str(password_file)),
        *("--auth-local", "scram-sha-256", "--auth-host", "scram-sha-256"),
        # The same order of texts on every system, whatever its C library thinks.
        *(
            "--encoding",
            "UTF8",
            "--locale",
            "C",
            "--locale-provider",
            "builtin",
            "--builtin-locale",
            "C.UTF-8",
        ),
        "--no-instructions",
    ]


def _run(account: Account | None, argv: list[str], typed: str | None = None) -> None:
    done = run_as(account, argv, typed)
    if done.returncode == 0:
        return
    said = done.stderr.strip().splitlines() or ["it said nothing"]
    if any("No space left on device" in line for line in said):
        raise disk_is_full(Path(argv[2]))
    raise StartError(f"PostgreSQL's data folder could not be made: {said[-1]}")


def _check_version(install: Path, data: Path, account: Account | None) -> None:
    made_by = (data / "PG_VERSION").read_text(encoding="ascii").strip()
    installed = run_as(account, [str(install / "bin/postgres"), "--version"]).stdout.split()[-1].partition(".")[0]
    if made_by != installed:
        raise StartError(
            f"The data in {data} was made by PostgreSQL {made_by}, installed is {installed}: "
            f"move it with pg_upgrade, or install the lock file that brought PostgreSQL {made_by}."
        )


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
