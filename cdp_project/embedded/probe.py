"""Ask a local HTTP server whether it is ready."""

import http.client
import os


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
