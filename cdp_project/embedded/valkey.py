"""The embedded Valkey: wake-ups, schedules and live frames. Nothing in it has to survive."""

import socket
from functools import partial
from pathlib import Path

from cdp_project.embedded.account import Account, server_environment
from cdp_project.embedded.binaries import valkey_server
from cdp_project.embedded.errors import told_in_a_sentence
from cdp_project.embedded.files import private_secret, write_private
from cdp_project.embedded.home import server_folder
from cdp_project.embedded.ports import LOOPBACK, keep_port
from cdp_project.embedded.program import Program

MEMORY_LIMIT = "256mb"


def valkey(home: Path, account: Account | None) -> tuple[Program, str]:
    """The server as a program and its address; writes its configuration anew at each call."""
    folder = server_folder(home, "valkey", account)
    owner = account.owner if account else None
    with told_in_a_sentence(folder):
        password = private_secret(folder / "password", owner)
        port = keep_port(folder / "port")
        write_private(folder / "valkey.conf", configuration(folder, port, password), owner)
    program = Program(
        name="valkey",
        argv=(str(valkey_server(home, account)), str(folder / "valkey.conf")),
        env=server_environment(),
        cwd=folder,
        account=account,
        stop_turn=8,
        is_ready=partial(_answers, port, password),
        mute=("Memory overcommit must be enabled", "Received SIGTERM", "bye bye"),
    )
    return program, f"redis://:{password}@{LOOPBACK}:{port}/0"


def configuration(folder: Path, port: int, password: str) -> str:
    """Loopback only, password asked, nothing written to disk."""
    return "\n".join(
        [
            f"bind {LOOPBACK}",
            f"port {port}",
            f"requirepass {password}",
            f'dir "{folder}"',
            "daemonize no",
            'save ""',
            "appendonly no",
            f"maxmemory {MEMORY_LIMIT}",
            # Never a queue, which has no expiry: only what is a cache anyway.
            "maxmemory-policy volatile-lru",
            "loglevel warning",
            'logfile ""',
            "",
        ]
    )


def _answers(port: int, password: str, _pid: int) -> bool:
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1) as connection:
            connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            return connection.recv(64).startswith(b"+OK")
    except OSError:
        return False
