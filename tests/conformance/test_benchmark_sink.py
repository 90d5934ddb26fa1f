"""The receiver of the benchmarks counts every event once, however its bytes are cut, and behaves as its paths say."""

import asyncio
import time
from typing import cast

from tests.benchmarks.sink import ANSWER, REFUSAL, Book, Receiver, Seen, answer


class Wire:
    """What was written back."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.written.append(data)


def request(path: str, body: bytes) -> bytes:
    return b"POST %s HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s" % (path.encode(), len(body), body)


def event(person: int = 1) -> bytes:
    return b'{"customer_id":"customer-%d","due_us":%d}' % (person, time.time_ns() // 1000 - 5_000)


def received(*pieces: bytes) -> tuple[Book, list[bytes]]:
    book, wire = Book(Seen), Wire()
    receiver = Receiver(book)
    receiver.connection_made(cast("asyncio.Transport", wire))
    for piece in pieces:
        receiver.data_received(piece)
    return book, wire.written


def test_requests_are_counted_however_they_are_cut() -> None:
    both = request("/ok/1", event()) + request("/ok/1", event() + event())
    for cut in range(0, len(both), 7):
        book, written = received(both[:cut], both[cut:])
        assert answer(book, "count") == {"/ok/1": {"requests": 2, "events": 3}}
        assert written == [ANSWER, ANSWER]


def test_latencies_are_from_the_stamp_on() -> None:
    book, _ = received(request("/ok/1", event()))
    told = answer(book, "tell")["/ok/1"]
    assert told["p99_ms"] >= told["p50_ms"] >= 5
    assert answer(book, "forget") == {}


def test_a_dead_path_gets_no_answer() -> None:
    book, written = received(request("/dead/1", event()))
    assert written == []
    assert book["/dead/1"].requests == 1


def test_a_moody_path_refuses_one_person_and_does_not_count_them() -> None:
    book, written = received(request("/moody/1", event(0)), request("/moody/1", event(1)))
    assert written == [REFUSAL, ANSWER]
    assert answer(book, "count") == {"/moody/1": {"requests": 1, "events": 1}}
