"""The demo's webhook receiver."""

import gzip
import http.client
import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from cdp_project.embedded.address import CHECKOUT
from cdp_project.embedded.ports import LOOPBACK, first_free
from cdp_project.embedded.probe import is_up
from cdp_project.embedded.sink import KEPT_BODIES, count_events, parse_head
from tests.cdp_project.embedded.conftest import wait_until


@pytest.mark.parametrize(
    ("body", "events"),
    [(b'{"events": [1, 2, 3]}', 3), (b"[1, 2]", 2), (b'{"event": 1}', 1), (b"not json", 1), (b'{"events": []}', 0)],
)
def test_events_are_counted_in_every_shape(body: bytes, events: int) -> None:
    assert count_events(body) == events


def test_a_head_is_read() -> None:
    head = b"POST /hook HTTP/1.1\r\nContent-Length: 2\r\nX-A: b"
    assert parse_head(head) == ("POST", "/hook", {"content-length": "2", "x-a": "b"})


def test_a_broken_head_is_refused() -> None:
    with pytest.raises(ValueError, match="unpack"):
        parse_head(b"nonsense")


@pytest.fixture(scope="module")
def sink_port() -> int:
    return first_free(18_200)


@pytest.fixture
def sink(sink_port: int) -> Iterator[http.client.HTTPConnection]:
    command = [sys.executable, "-m", "cdp_project.embedded.sink", "--port", str(sink_port)]
    process = subprocess.Popen(command, cwd=CHECKOUT)
    connection = http.client.HTTPConnection(LOOPBACK, sink_port, timeout=10)
    try:
        wait_until(lambda: is_up(LOOPBACK, sink_port, path="/"), "the sink answers")
        yield connection
    finally:
        connection.close()
        process.terminate()
        assert process.wait(10) == 0


def answer(connection: http.client.HTTPConnection) -> tuple[int, bytes]:
    response = connection.getresponse()
    return response.status, response.read()


def counts(connection: http.client.HTTPConnection) -> dict[str, object]:
    connection.request("GET", "/")
    found: dict[str, object] = json.loads(answer(connection)[1])
    return found


def test_requests_and_events_are_counted_on_one_connection(sink: http.client.HTTPConnection) -> None:
    sink.request("POST", "/a", b'{"events": [{"n": 1}, {"n": 2}]}', {"webhook-id": "m1"})
    assert answer(sink)[0] == 200
    zipped = gzip.compress(b'{"events": [{"n": 3}]}')
    sink.request("POST", "/b", zipped, {"Content-Encoding": "gzip"})
    assert answer(sink)[0] == 200

    found = counts(sink)

    assert (found["requests"], found["events"]) == (2, 3)
    last = found["last"]
    assert isinstance(last, list)
    assert [entry["body"] for entry in last] == [{"events": [{"n": 3}]}, {"events": [{"n": 1}, {"n": 2}]}]
    assert last[1]["headers"]["webhook-id"] == "m1"


def test_only_the_last_bodies_are_kept(sink: http.client.HTTPConnection) -> None:
    for number in range(KEPT_BODIES + 5):
        sink.request("POST", "/", json.dumps({"n": number}))
        answer(sink)
    found = counts(sink)
    assert found["requests"] == KEPT_BODIES + 5
    last = found["last"]
    assert isinstance(last, list)
    assert len(last) == KEPT_BODIES
    assert last[0]["body"] == {"n": KEPT_BODIES + 4}


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Content-Length": "x"}, 400), ({"Transfer-Encoding": "chunked"}, 411), ({"Content-Length": "99999999"}, 413)],
)
def test_what_cannot_be_read_is_refused_and_not_counted(
    sink: http.client.HTTPConnection, headers: dict[str, str], status: int
) -> None:
    sink.putrequest("POST", "/")
    for name, value in headers.items():
        sink.putheader(name, value)
    sink.endheaders()
    assert answer(sink)[0] == status
    assert counts(sink)["requests"] == 0
