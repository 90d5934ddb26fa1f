"""Requests whose bytes are wrong, late or too many, over real sockets: refused or cut, and all others are served.

Slow senders are waited for by the clock of the server: this takes as long as its patience.
"""

import socket
import time
from collections.abc import Callable

import pytest

from tests.product import eventually
from tests.wire.uploads import EVENTS, GOOD, Uploads, refused
from tests.wire.web import Line, Web, request

SLOW_SENDERS = 200
# What the README promises to slow senders, with room: 10 s for a head, 5 s for each 10 kB of a body.
GONE_WITHIN_S = 25.0
CHUNK = b"%x\r\n%s\r\n" % (len(GOOD), GOOD)
LAST = b"0\r\n\r\n"


def test_slow_senders_wait_alone(uploads: Uploads, web: Web) -> None:
    """200 at once: of heads, of bodies, and of bodies that drip."""
    silent = uploads.head(Content_Length="1000")
    beginnings = [
        b"",
        b"POST /v2/events HTTP/1.1\r\nHost:",
        silent,
        silent + b"{",
        uploads.head(Transfer_Encoding="chunked"),
    ]
    with web.bounded(80):
        lines = [web.line() for _ in range(SLOW_SENDERS)]
        for place, line in enumerate(lines):
            line.send(beginnings[place % len(beginnings)])
        uploads.still_work()
        answers = drip_until_all_are_gone(lines, lambda place: b"x" if place % len(beginnings) == 3 else b"")
    stored = uploads.stored()

    assert stored == 1
    for place, statuses in enumerate(answers):
        # Whoever had sent a whole head is told why.
        assert statuses == ([408] if place % len(beginnings) >= 2 else []), place
    uploads.still_work()


def drip_until_all_are_gone(lines: list[Line], drop_of: Callable[[int], bytes]) -> list[list[int]]:
    """The statuses that each line was answered with before the server ended it."""
    deadline = time.monotonic() + GONE_WITHIN_S
    statuses: list[list[int]] = [[] for _ in lines]
    for place, line in enumerate(lines):
        line.socket.settimeout(0.2)
        while True:
            assert time.monotonic() < deadline, f"line {place} is still open"
            for each, other in enumerate(lines[place:], place):
                if drop := drop_of(each):
                    other.send(drop)
            try:
                line.socket.recv(1, socket.MSG_PEEK)
                break
            except TimeoutError:
                continue
            except ConnectionResetError:
                break
        line.socket.settimeout(GONE_WITHIN_S)
        while (answer := line.answer()) is not None:
            statuses[place].append(answer.status)
    return statuses


def test_who_stops_sending_amid_a_body_stores_nothing(uploads: Uploads, web: Web) -> None:
    for whole in (uploads.bytes_of(), uploads.head(Transfer_Encoding="chunked") + CHUNK):
        for is_half_closed in (True, False):
            line = web.line()
            line.send(whole[:-5])
            if is_half_closed:
                line.socket.shutdown(socket.SHUT_WR)
                answer = line.answer()
                assert answer is None or answer.status in {400, 408}
            line.close()
    assert uploads.stored() == 0
    uploads.still_work()


def test_who_has_sent_all_and_half_closes_is_still_answered(uploads: Uploads, web: Web) -> None:
    line = web.line()
    line.send(uploads.bytes_of() * 3)
    line.socket.shutdown(socket.SHUT_WR)
    assert [answer and answer.status for answer in (line.answer(), line.answer(), line.answer())] == [202] * 3
    assert line.is_ended()
    assert uploads.stored() == 3


def test_who_leaves_before_the_answer_is_no_fault(uploads: Uploads, web: Web) -> None:
    for _ in range(50):
        line = web.line()
        line.send(uploads.bytes_of() * 2)
        line.close()
    eventually(uploads.stored, lambda stored: stored == 100)
    uploads.still_work()


def test_pipelined_requests_are_answered_in_order(uploads: Uploads, web: Web) -> None:
    wanted = [202, 400, 202, 400, 202]
    line = web.line()
    line.send(b"".join(uploads.bytes_of(GOOD if status == 202 else b"{") for status in wanted))
    answers = [line.answer() for _ in wanted]

    assert [answer and answer.status for answer in answers] == wanted
    assert uploads.stored() == 3


def test_many_pipelined_large_requests_wait_outside(uploads: Uploads, web: Web) -> None:
    sent, lines = uploads.bytes_of(b"[" + b" " * 200_000), [web.line() for _ in range(3)]
    with web.bounded(50):
        for line in lines:
            line.send(*[sent] * 200)
            for _ in range(200):
                refused(line.answer(), 400, 413)
    assert uploads.stored() == 0
    uploads.still_work(lines[0])


def test_a_flood_of_pipelined_small_requests_is_cut(uploads: Uploads, web: Web) -> None:
    lines = [web.line() for _ in range(5)]
    with web.bounded(50):
        for line in lines:
            line.socket.settimeout(1)
            line.send(*[b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n" * 10_000] * 20)
    uploads.still_work()


def test_chunks_are_put_together(uploads: Uploads, web: Web) -> None:
    bytewise = b"".join(b"1\r\n%c\r\n" % each for each in GOOD)
    line = web.line()
    for chunks in (
        CHUNK + LAST,
        bytewise + LAST,
        b"0%x;name=value\r\n%s\r\n0\r\nX-Trailer: 1\r\n\r\n" % (len(GOOD), GOOD),
    ):
        line.send(uploads.head(Transfer_Encoding="chunked"), chunks)
        answer = line.answer()
        assert (answer and answer.status) == 202
    assert uploads.stored() == 3


WRONG_CHUNKS = {
    "too short": b"%x\r\n%s\r\n" % (len(GOOD) - 1, GOOD) + LAST,
    "too long": b"%x\r\n%s\r\n" % (len(GOOD) + 1, GOOD) + LAST,
    "no hex": b"zz\r\n%s\r\n" % GOOD + LAST,
    "negative": b"-5\r\n%s\r\n" % GOOD + LAST,
    "beyond 64 bits": b"fffffffffffffffff\r\n%s\r\n" % GOOD + LAST,
    "beyond memory": b"7fffffffffffffff\r\n%s\r\n" % GOOD + LAST,
    "no end of line": b"%x%s" % (len(GOOD), GOOD) + LAST,
    "a bare line feed": b"%x\n%s\n0\n\n" % (len(GOOD), GOOD),
}


@pytest.mark.parametrize("chunks", WRONG_CHUNKS.values(), ids=WRONG_CHUNKS)
def test_chunks_of_wrong_sizes_store_nothing(uploads: Uploads, web: Web, chunks: bytes) -> None:
    with web.bounded(50):
        line = web.line()
        line.send(uploads.head(Transfer_Encoding="chunked"), chunks)
        line.socket.shutdown(socket.SHUT_WR)
        answer = line.answer()
    assert answer is None or answer.status in {400, 408, 413}
    assert uploads.stored() == 0
    uploads.still_work()


def test_endless_chunks_are_cut(uploads: Uploads, web: Web) -> None:
    line = web.line()
    with web.bounded(50):
        line.send(uploads.head(Transfer_Encoding="chunked"), *[b"10000\r\n" + b" " * 65_536 + b"\r\n"] * 200)
        refused(line.answer(), 413)
        assert line.is_ended()
    assert uploads.stored() == 0


def test_who_expects_to_be_told_to_go_on_is_told(uploads: Uploads, web: Web) -> None:
    line = web.line()
    line.send(uploads.head(Content_Length=str(len(GOOD)), Expect="100-continue"))
    first = line.answer()
    assert (first and first.status) == 100
    line.send(GOOD)
    answer = line.answer()
    assert (answer and answer.status) == 202
    # What would be too large anyway need not be sent.
    line.send(uploads.head(Content_Length="300000000", Expect="100-continue"))
    refused(line.answer(), 413)
    assert uploads.stored() == 1


AMBIGUOUS = {
    "both lengths": {"Content-Length": "5", "Transfer-Encoding": "chunked"},
    "both lengths, the other way round": {"Transfer-Encoding": "chunked", "Content-Length": str(len(GOOD))},
    "negative": {"Content-Length": "-1"},
    "no number": {"Content-Length": "many"},
    "signed": {"Content-Length": f"+{len(GOOD)}"},
    "beyond 64 bits": {"Content-Length": "1" + "0" * 30},
    "several": {"Content-Length": f"{len(GOOD)}, 5"},
    "another coding": {"Transfer-Encoding": "gzip"},
    "coded twice": {"Transfer-Encoding": "chunked, identity"},
}


@pytest.mark.parametrize("fields", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_bodies_without_one_clear_end_are_refused(uploads: Uploads, web: Web, fields: dict[str, str]) -> None:
    """Or whoever stands in front could see other requests than we do."""
    smuggled = uploads.bytes_of()
    line = web.line()
    line.send(uploads.head(**{name.replace("-", "_"): value for name, value in fields.items()}), CHUNK, LAST, smuggled)
    answer = line.answer()

    assert answer is None or answer.status in {400, 413, 501}
    assert line.is_ended()
    assert uploads.stored() == 0
    uploads.still_work()


FLOODS = {
    "many": b"".join(b"X-%d: 1\r\n" % number for number in range(20_000)),
    "long": b"X: " + b"x" * 300_000 + b"\r\n",
    "a long name": b"x" * 300_000 + b": 1\r\n",
    "folded": b"X: 1\r\n" + b" 2\r\n" * 50_000,
    "without a name": b": 1\r\n",
    "with NUL": b"X: a\0b\r\n",
    "without a colon": b"hello\r\n",
    "a blank before the colon": b"Content-Length : 5\r\n",
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_floods_of_headers_are_cut(uploads: Uploads, web: Web, flood: bytes) -> None:
    with web.bounded(50):
        for _ in range(10):
            line = web.line()
            line.send(b"POST /v2/events HTTP/1.1\r\nHost: a\r\n", flood, b"Content-Length: 2\r\n\r\n{}")
            answer = line.answer()
            assert answer is None or answer.status in {400, 401, 431}
    assert uploads.stored() == 0
    uploads.still_work()


LINES = {
    "no HTTP": b"hello\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/9": b"GET / HTTP/9.9\r\n\r\n",
    "a long address": b"GET /" + b"x" * 200_000 + b" HTTP/1.1\r\n\r\n",
    "a raw NUL": b"GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n",
    "no address": b"GET  HTTP/1.1\r\n\r\n",
}


@pytest.mark.parametrize("sent", LINES.values(), ids=LINES)
def test_what_is_no_request_is_refused(uploads: Uploads, web: Web, sent: bytes) -> None:
    answer = web.ask(sent)
    assert answer is None or answer.status in {400, 404, 431, 505}
    uploads.still_work()


@pytest.mark.parametrize(
    "path", ["/%00", "/%ff", "/v2/%00", "/%2e%2e/", "//", "/v2/events?%00=%ff&a=%", "*", "http://else.where/"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "OPTIONS", "HEAD", "TRACE", "CONNECT", "BREW"])
def test_odd_methods_and_addresses_are_no_fault(uploads: Uploads, web: Web, method: str, path: str) -> None:
    answer = web.ask(request(method, path, b"", {"Connection": "close"}))
    assert answer is None or answer.status < 500
    assert uploads.stored() == 0


def test_a_large_body_is_refused_before_it_is_read(uploads: Uploads, web: Web) -> None:
    with web.bounded(50):
        for _ in range(20):
            line = web.line()
            line.send(uploads.head(Content_Length="1000000000"))
            refused(line.answer(), 413)
            # What comes all the same is nobody's request.
            line.send(uploads.bytes_of())
            assert line.is_ended()
    assert uploads.stored() == 0
    uploads.still_work()


def test_who_sends_all_of_a_large_body_still_reads_why_it_was_refused(uploads: Uploads, web: Web) -> None:
    with web.bounded(50):
        for megabytes in (1, 2, 5, 8) * 5:
            line = web.line()
            line.send(uploads.bytes_of(b" " * megabytes * 1_000_000))
            refused(line.answer(), 413)
            assert line.is_ended()
        line = web.line()
        # Without end it ends, too.
        line.send(uploads.head(Content_Length="1000000000"), *[b" " * 1_000_000] * 100)
    assert uploads.stored() == 0
    uploads.still_work()


def test_uploads_by_get_are_told_to_post(web: Web, uploads: Uploads) -> None:
    refused(web.ask(request("GET", EVENTS, b"", uploads.headers)), 405)
