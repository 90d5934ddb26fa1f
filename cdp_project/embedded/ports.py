"""Loopback ports: which are free, which one was ours before."""

import errno
import random
import socket
from pathlib import Path

LOOPBACK = "127.0.0.1"
# Connections wait here while a web process is being replaced.
WAITING_CONNECTIONS = 2048
# Below the range from which systems take ports of outgoing connections, so that a kept port stays free.
CHOOSE_FROM = range(20_000, 32_000)


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server could listen there. Raises OSError when `host` is no address of this machine."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except PermissionError:
            return False
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
    return True


def listen(host: str, port: int) -> socket.socket:
    """A listening socket for web processes to share. Raises OSError when the port is taken or the host not ours."""
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    return socket.create_server(address[:2], family=family, backlog=WAITING_CONNECTIONS)


def first_free(start: int) -> int:
    """The first free loopback port from `start` upwards."""
    return next(port for port in range(start, 65_536) if is_free(port))


def keep_port(memory: Path) -> int:
    """The port written in `memory` while it is free, else a new one, which is then remembered."""
    if memory.exists() and is_free(known := int(memory.read_text(encoding="ascii"))):
        return known
    chosen = next(port for port in random.sample(CHOOSE_FROM, len(CHOOSE_FROM)) if is_free(port))
    memory.write_text(str(chosen), encoding="ascii")
    return chosen
