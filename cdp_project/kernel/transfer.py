"""One request on its way through curl."""

import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from ipaddress import ip_address
from typing import Any

import certifi
import pycurl

from cdp_project.kernel.addresses import Address, AddressRefused, Allowance, Target, check_address
from cdp_project.kernel.exchange import Answer, Failure, Request, Result

ANSWER_BYTES_KEPT = 64 * 1024
USER_AGENT = "Tributary"


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """For connecting, and for everything together."""

    connect_ms: int = 3_000
    total_ms: int = 10_000


FAILURE_CODES = {
    pycurl.E_OPERATION_TIMEDOUT: "timeout",
    pycurl.E_COULDNT_RESOLVE_HOST: "dns",
    pycurl.E_COULDNT_CONNECT: "connect",
    pycurl.E_SSL_CONNECT_ERROR: "tls",
    pycurl.E_PEER_FAILED_VERIFICATION: "tls",
}


class Transfer:
    """A curl handle that is used again and again, one request at a time."""

    def __init__(self, limits: TimeLimits, allowed: Iterable[Allowance], ca_file: str | None) -> None:
        self.curl = pycurl.Curl()
        self._allowed = tuple(allowed)
        self._body: list[bytes] = []
        self._size = 0
        self._head: list[bytes] = []
        self._refusal = ""
        self._opened: list[socket.socket] = []
        self._began = 0.0
        for option, value in _fixed_options(limits, ca_file).items():
            self.curl.setopt(option, value)
        self.curl.setopt(pycurl.WRITEFUNCTION, self._take)
        self.curl.setopt(pycurl.OPENSOCKETFUNCTION, self._open)

    def begin(self, request: Request, target: Target, addresses: tuple[Address, ...]) -> None:
        """Make the handle ready to be added to a multi handle."""
        self._body, self._size, self._head, self._refusal = [], 0, [], ""
        curl = self.curl
        curl.setopt(pycurl.URL, request.url)
        if request.method == "GET":
            curl.setopt(pycurl.HTTPGET, 1)
        else:
            # Read piece by piece it cannot be wound back: where a kept connection ends without an answer, curl
            # would send the request again, up to five times, as soon as it has another. One try is one request.
            curl.setopt(pycurl.POST, 1)
            curl.setopt(pycurl.POSTFIELDSIZE_LARGE, len(request.body))
            curl.setopt(pycurl.READFUNCTION, BytesIO(request.body).read)
        curl.setopt(pycurl.CUSTOMREQUEST, request.method)
        # "Expect:" leaves out a round trip that many servers answer wrongly.
        curl.setopt(pycurl.HTTPHEADER, [*(f"{name}: {value}" for name, value in request.headers.items()), "Expect:"])
        if target.host:
            curl.setopt(pycurl.RESOLVE, [f"{target.host}:{target.port}:{','.join(map(_bracketed, addresses))}"])
        curl.setopt(pycurl.HEADERFUNCTION, self._head.append)
        self._began = time.perf_counter()

    def result(self, code: int) -> Result:
        """What came of it, by curl's code."""
        latency_ms = round((time.perf_counter() - self._began) * 1000)
        self._close_opened()
        if code == pycurl.E_OK or (code == pycurl.E_WRITE_ERROR and self._size > ANSWER_BYTES_KEPT):
            status = self.curl.getinfo(pycurl.RESPONSE_CODE)
            return Answer(status, _headers(self._head), b"".join(self._body)[:ANSWER_BYTES_KEPT], latency_ms)
        if self._refusal:
            return Failure("address_refused", self._refusal, latency_ms)
        return Failure(FAILURE_CODES.get(code, "broken"), self.curl.errstr(), latency_ms)

    def _take(self, data: bytes) -> int:
        self._body.append(data)
        self._size += len(data)
        # Less than was offered ends the transfer: an answer may be endless.
        return len(data) if self._size <= ANSWER_BYTES_KEPT else 0

    def _open(self, _purpose: int, address: Any) -> Any:
        """The last word on every connection, whatever curl made of host and pin."""
        family, kind, protocol, (host, port, *_) = address
        try:
            check_address(ip_address(host), port, self._allowed)
        except (AddressRefused, ValueError) as refusal:
            self._refusal = str(refusal)
            return pycurl.SOCKET_BAD
        self._opened.append(socket.socket(family, kind, protocol))
        return self._opened[-1]

    def _close_opened(self) -> None:
        """Curl works with duplicates of its own."""
        for opened in self._opened:
            opened.close()
        self._opened.clear()

    def close(self) -> None:
        """Give everything back; the handle is in no multi handle any more."""
        self._close_opened()
        self.curl.close()


def _fixed_options(limits: TimeLimits, ca_file: str | None) -> dict[int, Any]:
    return {
        pycurl.NOSIGNAL: 1,
        pycurl.FOLLOWLOCATION: 0,
        pycurl.PROXY: "",
        pycurl.NOPROXY: "*",
        pycurl.PROTOCOLS: pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS,
        pycurl.NETRC: pycurl.NETRC_IGNORED,
        pycurl.CONNECTTIMEOUT_MS: limits.connect_ms,
        pycurl.TIMEOUT_MS: limits.total_ms,
        pycurl.CAINFO: ca_file or certifi.where(),
        pycurl.SSL_VERIFYPEER: 1,
        pycurl.SSL_VERIFYHOST: 2,
        pycurl.SSLVERSION: pycurl.SSLVERSION_TLSv1_2,
        pycurl.USERAGENT: USER_AGENT,
        pycurl.TCP_NODELAY: 1,
    }


def _bracketed(address: Address) -> str:
    return f"[{address}]" if address.version == 6 else str(address)


def _headers(lines: list[bytes]) -> dict[str, str]:
    """Of the last head: interim answers (1xx) come before it. A repeated header keeps its last value."""
    found: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.decode("latin-1").partition(":")
        if colon:
            found[name.strip().lower()] = value.strip()
        elif line.startswith(b"HTTP/"):
            found = {}
    return found
