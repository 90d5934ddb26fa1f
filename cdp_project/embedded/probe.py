"""Ask a server whether it is there."""

import http.client
import os
import socket
from urllib.parse import urlsplit

from cdp_project.embedded.errors import SettingError


def is_up(host: str, port: int, _pid: int = 0, *, path: str = "/readyz") -> bool:
    """Whether a GET of `path` answers 200."""
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", path, headers={"Host": allowed_host(), "Connection": "close"})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def allowed_host() -> str:
    """A name that the site answers to: the first of ALLOWED_HOSTS."""
    first = os.environ.get("ALLOWED_HOSTS", "").split(",")[0].strip().removeprefix(".")
    return first if first and first != "*" else "localhost"


def check_reachable(variable: str, default_port: int) -> None:
    """Raise SettingError when the address in an environment variable names a host and port that nobody answers at."""
    address = urlsplit(os.environ.get(variable, ""))
    if not address.hostname:
        return
    port = address.port or default_port
    try:
        socket.create_connection((address.hostname, port), timeout=5).close()
    except OSError as error:
        raise SettingError(
            f"The server that {variable} names, {address.hostname}:{port}, cannot be reached: "
            f"{error.strerror or error}. See that it runs and that {variable} is right, then start again."
        ) from error
