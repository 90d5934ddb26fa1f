"""The demo's webhook receiver: counts what arrives, keeps the last bodies, shows both as JSON.

POST to any path counts; `GET /` answers {"requests": n, "events": n, "last": [{"path", "headers", "body"}]},
newest first. Loopback only. Knows nothing of the product.
"""

import argparse
import asyncio
import contextlib
import gzip
import json
import os
import signal
import zlib
from collections import deque
from dataclasses import dataclass, field

from cdp_project.embedded.ports import LOOPBACK

KEPT_BODIES = 50
KEPT_BODY_BYTES = 64 * 1024
LARGEST_BODY_BYTES = 16 * 1024 * 1024
LARGEST_HEAD_BYTES = 64 * 1024
REASONS = {200: "OK", 400: "Bad Request", 411: "Length Required", 413: "Content Too Large"}


@dataclass
class Counts:
    """What has arrived since the start."""

    requests: int = 0
    events: int = 0
    last: deque[tuple[str, dict[str, str], bytes]] = field(default_factory=lambda: deque(maxlen=KEPT_BODIES))

    def add(self, path: str, headers: dict[str, str], body: bytes) -> None:
        plain = inflated(body, headers)
        self.requests += 1
        self.events += count_events(plain)
        self.last.appendleft((path, headers, plain[:KEPT_BODY_BYTES]))

    def as_json(self) -> bytes:
        last = [{"path": path, "headers": headers, "body": readable(body)} for path, headers, body in self.last]
        return json.dumps({"requests": self.requests, "events": self.events, "last": last}, indent=1).encode()


def count_events(body: bytes) -> int:
    """The length of the list, or of its "events"; 1 for anything else."""
    try:
        found = json.loads(body)
    except ValueError:
        return 1
    events = found.get("events") if isinstance(found, dict) else found
    return len(events) if isinstance(events, list) else 1


def inflated(body: bytes, headers: dict[str, str]) -> bytes:
    """The body without gzip; as it came where it is none."""
    if headers.get("content-encoding") == "gzip":
        with contextlib.suppress(OSError, EOFError, zlib.error):
            return gzip.decompress(body)
    return body


def readable(body: bytes) -> object:
    """JSON as a value, other bodies as text."""
    try:
        return json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")


def parse_head(head: bytes) -> tuple[str, str, dict[str, str]]:
    """Method, path and headers (names in lower case). Raises ValueError."""
    first, *rest = head.decode("latin-1").split("\r\n")
    method, path, _version = first.split(" ")
    pairs = (line.partition(":") for line in rest)
    return method, path, {name.strip().lower(): value.strip() for name, _, value in pairs}


class Receiver(asyncio.Protocol):
    """One kept-alive HTTP/1.1 connection; bodies need a Content-Length."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._waiting = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what create_server hands over
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._waiting += data
        while self._one_request():
            continue

    def _one_request(self) -> bool:
        """Answer one complete request; False when more bytes are needed or the connection is to end."""
        end = self._waiting.find(b"\r\n\r\n")
        if end < 0:
            return len(self._waiting) > LARGEST_HEAD_BYTES and self._refuse(413)
        try:
            method, path, headers = parse_head(bytes(self._waiting[:end]))
            length = int(headers.get("content-length", "0"))
        except ValueError:
            return self._refuse(400)
        if "transfer-encoding" in headers:
            return self._refuse(411)
        if not 0 <= length <= LARGEST_BODY_BYTES:
            return self._refuse(413)
        after = end + 4 + length
        if len(self._waiting) < after:
            if headers.get("expect") == "100-continue" and len(self._waiting) == end + 4:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return False
        body = bytes(self._waiting[end + 4 : after])
        del self._waiting[:after]
        self._answer(method, path, headers, body)
        return True

    def _answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        if method == "POST":
            self._counts.add(path, headers, body)
            self._write(200, b'{"received": true}\n')
        else:
            self._write(200, self._counts.as_json())
        if headers.get("connection", "").lower() == "close":
            self._transport.close()

    def _refuse(self, status: int) -> bool:
        self._waiting.clear()
        self._write(status, b"{}\n", "\r\nConnection: close")
        self._transport.close()
        return False

    def _write(self, status: int, body: bytes, more: str = "") -> None:
        head = f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        self._transport.write(f"{head}{more}\r\n\r\n".encode() + body)


async def serve(port: int) -> None:
    """Count until SIGTERM or SIGINT."""
    loop, stop, counts = asyncio.get_running_loop(), asyncio.Event(), Counts()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = await loop.create_server(lambda: Receiver(counts), LOOPBACK, port)
    await stop.wait()
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m cdp_project.embedded.sink", description=__doc__)
    parser.add_argument("--port", type=int, default=int(os.environ.get("CDP_SINK_PORT", "8099")))
    asyncio.run(serve(parser.parse_args().port))


if __name__ == "__main__":
    main()
