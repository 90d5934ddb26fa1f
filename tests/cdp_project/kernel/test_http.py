"""The sender against a real socket: what comes back, and what it never does."""

import os
import resource
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cdp_project.kernel.addresses import allowances
from cdp_project.kernel.exchange import Answer, Failure, Result
from cdp_project.kernel.http import Sender
from cdp_project.kernel.transfer import ANSWER_BYTES_KEPT, TimeLimits
from tests.sink import Misbehaviour, Reply, Sink, running_sink

LOOPBACK = allowances(["127.0.0.1/32"])
QUICK = TimeLimits(connect_ms=500, total_ms=800)


@dataclass(frozen=True)
class Call:
    """A request."""

    url: str
    method: str = "POST"
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b'{"events": []}'


@pytest.fixture
def sink() -> Iterator[Sink]:
    with running_sink() as sink:
        yield sink


@pytest.fixture
def sender() -> Iterator[Sender[int]]:
    sender = Sender[int](LOOPBACK, limits=QUICK)
    yield sender
    sender.close()


def results(sender: Sender[int], *calls: Call) -> list[Result]:
    """What came of the calls, in their order."""
    for number, call in enumerate(calls):
        sender.start(number, call)
    found: dict[int, Result] = {}
    while sender.in_flight:
        found |= dict(sender.advance())
        if sender.in_flight:
            sender.wait(0.2)
    return [found[number] for number in range(len(calls))]


def only(sender: Sender[int], call: Call) -> Result:
    (result,) = results(sender, call)
    return result


def failure(result: Result) -> str:
    assert isinstance(result, Failure)
    return result.code


def answer(result: Result) -> Answer:
    assert isinstance(result, Answer), result
    return result


def test_a_request_arrives_as_it_was_made(sender: Sender[int], sink: Sink) -> None:
    sink.script = lambda _: Reply(201, {"X-Reply": " yes "}, b"done")
    result = answer(only(sender, Call(sink.url, headers={"X-Test": "~a b", "Content-Type": "application/json"})))

    (request,) = sink.requests
    assert (request.method, request.path, request.body) == ("POST", "/hook", b'{"events": []}')
    assert request.headers["x-test"] == "~a b"
    assert request.headers["content-type"] == "application/json"
    assert "expect" not in request.headers
    assert "cookie" not in request.headers
    assert (result.status, result.headers["x-reply"], result.body) == (201, "yes", b"done")


@pytest.mark.parametrize("method", ["POST", "PUT", "GET"])
def test_methods(sender: Sender[int], sink: Sink, method: str) -> None:
    """One handle after the other, as they are used again."""
    for each in ("POST", method, "POST"):
        only(sender, Call(sink.url, method=each, body=b"" if each == "GET" else b"abc"))
    assert [request.method for request in sink.requests] == ["POST", method, "POST"]
    assert [request.body for request in sink.requests] == [b"abc", b"" if method == "GET" else b"abc", b"abc"]


def test_many_at_once_each_get_their_own_answer(sender: Sender[int], sink: Sink) -> None:
    sink.script = lambda request: Reply(200, {}, request.body)
    calls = [Call(sink.url, body=str(number).encode()) for number in range(100)]
    assert [answer(result).body for result in results(sender, *calls)] == [call.body for call in calls]


def test_a_redirect_is_an_answer_and_not_followed(sender: Sender[int], sink: Sink) -> None:
    sink.script = lambda _: Reply(307, {"Location": f"http://127.0.0.1:{sink.port}/elsewhere"})
    assert answer(only(sender, Call(sink.url))).status == 307
    assert [request.path for request in sink.requests] == ["/hook"]


def test_cookies_are_not_kept(sender: Sender[int], sink: Sink) -> None:
    sink.script = lambda _: Reply(200, {"Set-Cookie": "a=b"})
    only(sender, Call(sink.url))
    only(sender, Call(sink.url))
    assert "cookie" not in sink.requests[1].headers


def test_proxies_of_the_environment_are_not_used(
    sink: Sink, sender: Sender[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_sink() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert answer(only(sender, Call(sink.url))).status == 200
        assert proxy.requests == []


@pytest.mark.parametrize("how", [Misbehaviour.HANG, Misbehaviour.DRIBBLE])
def test_time_is_bounded(sender: Sender[int], sink: Sink, how: Misbehaviour) -> None:
    sink.script = lambda _: how
    assert failure(only(sender, Call(sink.url))) == "timeout"


@pytest.mark.parametrize("how", [Misbehaviour.RESET, Misbehaviour.HALF])
def test_a_broken_connection_is_told(sender: Sender[int], sink: Sink, how: Misbehaviour) -> None:
    sink.script = lambda _: how
    assert failure(only(sender, Call(sink.url))) == "broken"


@pytest.mark.parametrize("how", [Misbehaviour.RESET, Misbehaviour.CLOSE])
def test_one_try_is_one_request_also_over_kept_connections(sender: Sender[int], sink: Sink, how: Misbehaviour) -> None:
    sink.script = lambda _: Reply()
    results(sender, *[Call(sink.url)] * 8)
    warmed_up = len(sink.requests)
    sink.script = lambda _: how

    (result,) = results(sender, Call(sink.url))

    assert isinstance(result, Failure)
    assert result.code == "broken"
    assert len(sink.requests) == warmed_up + 1


def test_of_an_endless_answer_the_beginning_is_kept(sink: Sink) -> None:
    sender = Sender[int](LOOPBACK)
    sink.script = lambda _: Misbehaviour.ENDLESS
    result = answer(only(sender, Call(sink.url)))
    assert result.status == 200
    assert len(result.body) == ANSWER_BYTES_KEPT
    sender.close()


def test_a_handle_is_clean_after_a_misbehaving_answer(sender: Sender[int], sink: Sink) -> None:
    scripts: list[Reply | Misbehaviour] = [Misbehaviour.RESET, Reply(200, {"A": "b"}, b"fine")]
    sink.script = lambda _: scripts[min(len(sink.requests), 2) - 1]
    assert failure(only(sender, Call(sink.url))) == "broken"
    result = answer(only(sender, Call(sink.url)))
    assert (result.status, result.body) == (200, b"fine")


def test_nobody_listening_is_told(sender: Sender[int]) -> None:
    assert failure(only(sender, Call("http://127.0.0.1:1/"))) == "connect"


@pytest.mark.parametrize(
    "headers",
    [
        {"X": "a\r\nY: b"},
        {"X": "a\nY: b"},
        {"X\r\nY": "a"},
        {"X:": "a"},
        {"": "a"},
        {"X": "\0"},
        {"X": "\u20ac"},
        {"X": "\u00e9"},
    ],
)
def test_header_injection_is_refused(sender: Sender[int], sink: Sink, headers: dict[str, str]) -> None:
    assert failure(only(sender, Call(sink.url, headers=headers))) == "bad_request"
    assert sink.requests == []


def test_a_strange_method_is_refused(sender: Sender[int], sink: Sink) -> None:
    assert failure(only(sender, Call(sink.url, method="CONNECT"))) == "bad_request"
    assert failure(only(sender, Call(sink.url, method="GET /x HTTP/1.1\r\n"))) == "bad_request"


def test_a_request_that_is_too_large_is_refused(sender: Sender[int], sink: Sink) -> None:
    assert failure(only(sender, Call(sink.url, body=b"x" * 10_000_001))) == "bad_request"


@pytest.mark.parametrize("url", ["file:///etc/passwd", "http://2130706433/", "http://user@127.0.0.1/"])
def test_a_url_that_could_be_misread_is_refused(sender: Sender[int], url: str) -> None:
    assert failure(only(sender, Call(url))) == "bad_address"


# --- Names --------------------------------------------------------------------------------------


def named(look_up: Callable[[str], list[str]], allowed: list[str] | None = None) -> Sender[int]:
    return Sender[int](allowances(allowed or []), limits=QUICK, look_up=look_up)


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::ffff:127.0.0.1"], ["::1"]])
def test_a_name_with_any_private_address_is_refused(sink: Sink, addresses: list[str]) -> None:
    sender = named(lambda _: addresses)
    assert failure(only(sender, Call(f"http://hooks.example.com:{sink.port}/"))) == "address_refused"
    assert sink.requests == []
    sender.close()


def test_what_was_checked_is_what_is_connected_to(sink: Sink) -> None:
    """A resolver that changes its answer after the check has no second chance: the name is never asked again."""
    answers = iter([["127.0.0.1"]])
    sender = named(lambda _: next(answers), ["127.0.0.1/32"])
    for _ in range(3):
        assert answer(only(sender, Call(f"http://changing.example.com:{sink.port}/"))).status == 200
    assert sink.requests[0].headers["host"] == f"changing.example.com:{sink.port}"
    sender.close()


def test_an_answer_that_has_become_private_is_refused(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cdp_project.kernel.resolver.KNOWN_FOR_S", 0.05)
    answers = iter([["127.0.0.2"], ["127.0.0.1"]])
    sender = named(lambda _: next(answers), ["127.0.0.2/32"])
    url = f"http://changing.example.com:{sink.port}/"
    assert failure(only(sender, Call(url))) == "connect"  # open, but nobody is there
    threading.Event().wait(0.1)
    assert failure(only(sender, Call(url))) == "address_refused"
    assert sink.requests == []
    sender.close()


def test_the_connection_itself_is_checked_too(sink: Sink) -> None:
    """The last word: even if something slipped by what comes before, no socket opens to a closed address."""
    sender = Sender[int]((), limits=QUICK)
    sender._judged[(ip_address("127.0.0.1"),), sink.port] = ""  # as if the check had passed
    assert failure(only(sender, Call(sink.url))) == "address_refused"
    assert sink.requests == []
    sender.close()


def test_a_resolver_that_hangs_is_given_up(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cdp_project.kernel.resolver.TIME_OUT_S", 0.2)
    release = threading.Event()

    def hang(_: str) -> list[str]:
        release.wait(10)
        return ["127.0.0.1"]

    sender = named(hang, ["127.0.0.1/32"])
    hanging, other = results(sender, Call("http://slow.example.com/"), Call(sink.url))
    release.set()
    assert failure(hanging) == "dns"
    assert answer(other).status == 200
    sender.close()


def test_a_name_that_does_not_exist_is_told() -> None:
    def missing(_: str) -> list[str]:
        raise OSError("no such name")

    sender = named(missing)
    first, second = results(sender, Call("http://missing.example.com/"), Call("http://missing.example.com/x"))
    assert failure(first) == failure(second) == "dns"
    sender.close()


def test_a_name_is_looked_up_once_for_many(sink: Sink) -> None:
    asked: list[str] = []

    def look_up(host: str) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    sender = named(look_up, ["127.0.0.1/32"])
    for _ in range(2):
        assert {answer(each).status for each in results(sender, *[Call(f"http://a.example:{sink.port}/")] * 20)} == {
            200
        }
    assert asked == ["a.example"]
    sender.close()


def test_descriptors_beyond_a_thousand_are_no_fault(sink: Sink) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    held: list[int] = []
    try:
        while not held or held[-1] < 1100:
            held.append(os.dup(0))
        sender = Sender[int](LOOPBACK, limits=QUICK)
        assert [result.status for result in results(sender, *[Call(sink.url)] * 3) if isinstance(result, Answer)]
        sender.wake()
        sender.wait(30)
        sender.close()
    finally:
        for descriptor in held:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_wake_ends_a_wait(sender: Sender[int]) -> None:
    threading.Timer(0.05, sender.wake).start()
    waited = threading.Thread(target=sender.wait, args=(30,), daemon=True)
    waited.start()
    waited.join(10)
    assert not waited.is_alive()


# --- TLS ----------------------------------------------------------------------------------------


def certificate(folder: Path, name: str, days: int) -> Path:
    """A self-signed certificate for `name` with its key; `days` < 0 has expired."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=60))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


class _Answering(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        """Say yes."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response_only(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize(
    ("name", "days", "is_trusted", "expected"),
    [
        ("hooks.example.com", 30, True, "200"),
        ("hooks.example.com", -1, True, "tls"),
        ("other.example.com", 30, True, "tls"),
        ("hooks.example.com", 30, False, "tls"),
    ],
)
def test_certificates_are_checked(tmp_path: Path, name: str, days: int, is_trusted: bool, expected: str) -> None:
    path = certificate(tmp_path, name, days)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answering)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    sender = Sender[int](
        LOOPBACK,
        limits=TimeLimits(2000, 4000),
        look_up=lambda _: ["127.0.0.1"],
        ca_file=str(path) if is_trusted else None,
    )
    result = only(sender, Call(f"https://hooks.example.com:{server.server_address[1]}/"))
    assert (str(result.status) if isinstance(result, Answer) else result.code) == expected
    sender.close()
    server.shutdown()
    server.server_close()
