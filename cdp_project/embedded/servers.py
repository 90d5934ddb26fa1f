"""Start the embedded servers that nobody configured otherwise, and write down where they listen."""

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path

from cdp_project.embedded.account import server_account
from cdp_project.embedded.address import ADDRESS_FILE
from cdp_project.embedded.errors import told_in_a_sentence
from cdp_project.embedded.files import write_private
from cdp_project.embedded.home import make_var, server_home
from cdp_project.embedded.postgres import postgres
from cdp_project.embedded.program import Program
from cdp_project.embedded.supervisor import Supervisor
from cdp_project.embedded.valkey import valkey

Addresses = dict[str, str]


def make_home(var: Path) -> None:
    """Make the var folder, before the first lock in it is taken."""
    make_var(var, server_account())


async def start_servers(supervisor: Supervisor, var: Path, beside: Mapping[str, str] | None = None) -> Addresses:
    """Start what DATABASE_URL and REDIS_URL do not name; the addresses of all, as environment variables.

    `beside` is written down with them: what else runs in this folder, and where.
    """
    programs, addresses = await asyncio.to_thread(_prepare, var)
    await supervisor.start_ready(programs)
    with told_in_a_sentence(var):
        noted = {**(beside or {}), **addresses}
        write_private(var / ADDRESS_FILE, json.dumps({name.lower(): each for name, each in noted.items()}))
    return addresses


def forget_addresses(var: Path) -> None:
    """Say that the servers are gone."""
    (var / ADDRESS_FILE).unlink(missing_ok=True)


def _prepare(var: Path) -> tuple[list[Program], Addresses]:
    programs, addresses = [], {}
    account = server_account()
    for variable, make in (("DATABASE_URL", postgres), ("REDIS_URL", valkey)):
        if not os.environ.get(variable):
            program, addresses[variable] = make(server_home(var, account), account)
            programs.append(program)
    return programs, addresses
