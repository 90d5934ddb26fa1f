"""The machine: versions, files and their permissions, disk, clock, names of others, settings that invite trouble."""

import ctypes
import os
import platform
import re
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import django
import pycurl
from django.conf import settings

from cdp_project import variables
from cdp_project.embedded.ports import LOOPBACK
from cdp_project.operation.doctor.findings import Check, Finding, ok, warning, wrong
from events.intake.backpressure import disk_problem

PYTHON_LEAST, DJANGO_LEAST, CURL_LEAST = (3, 11), (5, 2), (7, 80)
KEY_FILES = ("secret_key", "encryption_key")
# The kernel's answer when nobody keeps its clock right.
CLOCK_UNSYNCHRONISED = 5
TIMEX_BYTES = 512
LOW_DISK_SHARE = 0.1
# Reserved for examples, and always there.
KNOWN_NAME = "example.com"
OWN_NAMES = {LOOPBACK, "localhost", "[::1]", "::1"}


def version_of(text: str) -> tuple[int, ...]:
    """(15, 4) of "15.4 (Debian)"."""
    numbers = re.match(r"\d+(\.\d+)*", text)
    return tuple(int(part) for part in numbers[0].split(".")) if numbers else (0,)


def version(name: str, text: str, least: tuple[int, ...]) -> Finding:
    """Whether a version is new enough."""
    if version_of(text) >= least:
        return ok("versions", f"{name} {text}")
    wanted = ".".join(map(str, least))
    return wrong("versions", f"{name} {text} is too old", f"Install {name} {wanted} or newer.")


def versions() -> Iterator[Finding]:
    yield version("Python", platform.python_version(), PYTHON_LEAST)
    yield version("Django", django.get_version(), DJANGO_LEAST)
    yield version("libcurl", str(pycurl.version_info()[1]), CURL_LEAST)


def permissions() -> Iterator[Finding]:
    var: Path = settings.VAR_DIR
    if not var.is_dir() or not os.access(var, os.W_OK | os.X_OK):
        remedy = "Make it and give it to the user who runs Tributary, or set TRIBUTARY_VAR to another folder."
        yield wrong("permissions", f"{var} is no folder that this user may write", remedy)
        return
    open_files = [file for name in KEY_FILES if (file := var / name).exists() and file.stat().st_mode & 0o077]
    for file in open_files:
        yield wrong("permissions", f"others may read {file}", f"Run `chmod 600 {file}`.")
    if not open_files:
        yield ok("permissions", f"{var} is ours, its keys are closed to others")


def disk() -> Iterator[Finding]:
    if problem := disk_problem():
        yield wrong("disk", problem.rstrip("."), "Free some space, or keep events for fewer days.")
        return
    usage = shutil.disk_usage(settings.VAR_DIR if settings.VAR_DIR.exists() else settings.BASE_DIR)
    told = f"{usage.free // 1_000_000} MB free of {usage.total // 1_000_000} MB"
    if usage.free < LOW_DISK_SHARE * usage.total:
        yield warning("disk", told, "Free some space before intake has to stop.")
    else:
        yield ok("disk", told)


def clock_is_kept() -> Iterator[Finding]:
    """Whether the kernel believes its clock; reading it changes nothing."""
    if not sys.platform.startswith("linux"):
        yield ok("clock", "whether it is kept right cannot be told on this system")
        return
    state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(TIMEX_BYTES))
    if state == CLOCK_UNSYNCHRONISED:
        yield warning("clock", "nobody keeps this machine's clock right", "Run an NTP service such as chrony.")
    elif state < 0:
        yield ok("clock", "whether it is kept right cannot be told here")
    else:
        yield ok("clock", "the kernel says that it is kept right")


def outbound() -> Iterator[Finding]:
    try:
        socket.getaddrinfo(KNOWN_NAME, 443, type=socket.SOCK_STREAM)
    except OSError as error:
        remedy = "See /etc/resolv.conf and the network; outputs on other machines cannot be reached by name."
        yield warning("outbound", f"names of others cannot be resolved: {error.strerror or error}", remedy)
    else:
        yield ok("outbound", "names of others can be resolved")


def configuration() -> Iterator[Finding]:
    others = [host for host in settings.ALLOWED_HOSTS if host not in OWN_NAMES]
    found = list(_invitations(others))
    found += [warning("settings", each.rstrip("."), "Correct the name.") for each in variables.strangers(os.environ)]
    yield from found or [ok("settings", "nothing unusual")]


def _invitations(others: list[str]) -> Iterator[Finding]:
    if settings.DEBUG:
        level = wrong if others else warning
        yield level("settings", "DEBUG is on: errors show code and settings", "Set DEBUG=0.")
    if "*" in others:
        yield warning("settings", "ALLOWED_HOSTS admits every name", "Name the hosts that people type.")
    if others and not settings.SESSION_COOKIE_SECURE:
        remedy = "Put a TLS proxy in front and set CDP_HTTPS=1."
        yield warning("settings", "others reach the console, and sign-in cookies go over plain http", remedy)


CHECKS = (
    Check("versions", versions),
    Check("settings", configuration),
    Check("permissions", permissions),
    Check("disk", disk),
    Check("clock", clock_is_kept),
    Check("outbound", outbound),
)
