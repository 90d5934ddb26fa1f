"""The receiver of webhooks, a process of its own: `python -m tests.benchmarks.sink`.

It prints its port. Every line on standard input is answered by one of JSON: "count" by {path: {"requests", "events"}},
"tell" by the same with "p50_ms" and "p99_ms", from the stamp in an event to its arrival; "forget" begins anew.
Requests to /dead/... are never answered, those to /moody/... with 500 when they are one person's.
"""

import asyncio
import json
import sys
import time
from array import array
from collections import defaultdict
from typing import cast

import uvloop

from tests.benchmarks.load import percentile

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}"
REFUSAL = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"
DUE = b'"due_us":'
FAILING = b'"customer-0"'


class Seen:
    """What came to one path."""

    def __init__(self) -> None:
        self.requests, self.events, self.took_us = 0, 0, array("q")

    def add(self, body: bytes) -> None:
        now_us, place = time.time_ns() // 1000, body.find(DUE)
        self.requests += 1
        while place >= 0:
            self.took_us.append(now_us - int(body[place + len(DUE) : place + len(DUE) + 16]))
            place = body.find(DUE, place + 1)

    def counted(self) -> dict[str, float]:
        """Cheap: it is asked all the time."""
        return {"requests": self.requests, "events": len(self.took_us)}

    def told(self) -> dict[str, float]:
        """With percentiles."""
        ordered = sorted(took / 1000 for took in self.took_us)
        return {**self.counted(), "p50_ms": percentile(ordered, 0.5), "p99_ms": percentile(ordered, 0.99)}


Book = defaultdict[str, Seen]


class Receiver(asyncio.Protocol):
    """One kept-alive connection; requests have a Content-Length."""

    def __init__(self, book: Book) -> None:
        self._book, self._waiting = book, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        waiting = self._waiting + data
        while (end := waiting.find(b"\r\n\r\n")) >= 0:
            start = waiting.lower().find(b"content-length:", 0, end) + 15
            length = int(waiting[start : waiting.find(b"\r\n", start)])
            if len(waiting) < end + 4 + length:
                break
            path = waiting[: waiting.find(b"\r\n")].split(b" ")[1].decode("latin-1")
            body, waiting = waiting[end + 4 : end + 4 + length], waiting[end + 4 + length :]
            self._receive(path, body)
        self._waiting = waiting

    def _receive(self, path: str, body: bytes) -> None:
        if path.startswith("/moody") and FAILING in body:
            self._transport.write(REFUSAL)
            return
        self._book[path].add(body)
        if not path.startswith("/dead"):
            self._transport.write(ANSWER)


def answer(book: Book, question: str) -> dict[str, dict[str, float]]:
    """What is asked: "count", "tell" or "forget"."""
    if question == "forget":
        book.clear()
    return {path: seen.told() if question == "tell" else seen.counted() for path, seen in book.items()}


async def serve() -> None:
    """Until standard input ends."""
    loop, book, over = asyncio.get_running_loop(), Book(Seen), asyncio.Event()
    server = await loop.create_server(lambda: Receiver(book), "127.0.0.1", 0, backlog=1024)

    def asked() -> None:
        line = sys.stdin.readline()
        if line:
            print(json.dumps(answer(book, line.strip())), flush=True)
        else:
            over.set()

    print(server.sockets[0].getsockname()[1], flush=True)
    loop.add_reader(sys.stdin.fileno(), asked)
    await over.wait()
    server.close()


if __name__ == "__main__":
    uvloop.run(serve())
