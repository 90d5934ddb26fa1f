"""Outgoing HTTP over pycurl multi: many requests at once in one thread, none of which can hurt the house.

Time and sizes are bounded, redirects never followed, proxies and cookies never used, and only checked
addresses connected to: names are resolved by us, every address is checked, and curl is told to use those.
"""

import contextlib
import os
import select
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache
from math import ceil
from typing import Generic, TypeVar

import pycurl

from cdp_project.kernel.addresses import Address, AddressRefused, Allowance, Target, check_address, target_of
from cdp_project.kernel.exchange import Failure, Request, Result, fault_in
from cdp_project.kernel.resolver import LookUp, Resolver, system_look_up
from cdp_project.kernel.transfer import TimeLimits, Transfer

CONNECTIONS_KEPT = 256
JUDGED_MOST = 1000
LOOK_UP_CHECK_S = 0.5

T = TypeVar("T")

cached_target = lru_cache(maxsize=1024)(target_of)


class Sender(Generic[T]):
    """Sends requests and hands back (token, result) pairs. For one thread; only `wake` may be called from others.

    `start` takes a request, `advance` moves everything on and returns what has ended, `wait` sleeps until
    there is something to advance. How many run at once is the caller's business.
    """

    def __init__(
        self,
        allowed: Iterable[Allowance] = (),
        *,
        look_up: LookUp = system_look_up,
        limits: TimeLimits | None = None,
        ca_file: str | None = None,
    ) -> None:
        self._allowed = tuple(allowed)
        self._limits = limits or TimeLimits()
        self._ca_file = ca_file
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, CONNECTIONS_KEPT)
        self._idle: list[Transfer] = []
        self._running: dict[object, tuple[Transfer, T]] = {}
        self._ended: list[tuple[T, Result]] = []
        self._judged: dict[tuple[tuple[Address, ...], int], str] = {}
        self._unresolved: dict[str, list[tuple[T, Request, Target]]] = defaultdict(list)
        self._wake_in, self._wake_out = os.pipe()
        os.set_blocking(self._wake_in, False)
        os.set_blocking(self._wake_out, False)
        self._resolver = Resolver(self.wake, look_up)

    @property
    def in_flight(self) -> int:
        """Requests that were started and have not been handed back."""
        return len(self._running) + len(self._ended) + sum(map(len, self._unresolved.values()))

    def start(self, token: T, request: Request) -> None:
        """Begin; whatever is wrong with the request comes back as its result."""
        try:
            target = cached_target(request.url)
        except AddressRefused as refusal:
            self._ended.append((token, Failure("bad_address", str(refusal))))
            return
        if fault := fault_in(request):
            self._ended.append((token, Failure("bad_request", fault)))
        else:
            self._resolve(token, request, target)

    def _resolve(self, token: T, request: Request, target: Target) -> None:
        if target.address is not None:
            self._send(token, request, target, (target.address,))
            return
        resolved = self._resolver.known(target.host)
        if resolved is None:
            self._unresolved[target.host].append((token, request, target))
        elif resolved.error:
            self._ended.append((token, Failure("dns", resolved.error)))
        else:
            self._send(token, request, target, resolved.addresses)

    def _send(self, token: T, request: Request, target: Target, addresses: tuple[Address, ...]) -> None:
        if refusal := self._refusal(addresses, target.port):
            self._ended.append((token, Failure("address_refused", refusal)))
            return
        transfer = self._idle.pop() if self._idle else Transfer(self._limits, self._allowed, self._ca_file)
        transfer.begin(request, target, addresses)
        self._running[transfer.curl] = transfer, token
        self._multi.add_handle(transfer.curl)

    def _refusal(self, addresses: tuple[Address, ...], port: int) -> str:
        """Why not to connect there; every address must be allowed. The same addresses are judged once."""
        refusal = self._judged.get((addresses, port))
        if refusal is None:
            if len(self._judged) > JUDGED_MOST:
                self._judged.clear()
            refusal = self._judged[addresses, port] = _refusal(addresses, port, self._allowed)
        return refusal

    def advance(self) -> list[tuple[T, Result]]:
        """Move all requests on without waiting; return those that have ended."""
        for host in self._resolver.finished() if self._unresolved else ():
            for waiting in self._unresolved.pop(host, ()):
                self._resolve(*waiting)
        if self._running:
            self._multi.perform()
            self._collect()
        ended, self._ended = self._ended, []
        return ended

    def _collect(self) -> None:
        left = 1
        while left:
            left, succeeded, failed = self._multi.info_read()
            for curl in succeeded:
                self._end(curl, pycurl.E_OK)
            for curl, code, _text in failed:
                self._end(curl, code)

    def _end(self, curl: object, code: int) -> None:
        transfer, token = self._running.pop(curl)
        self._multi.remove_handle(curl)
        self._ended.append((token, transfer.result(code)))
        self._idle.append(transfer)

    def wait(self, seconds: float) -> None:
        """Return when a socket is ready, `wake` was called, a time limit of curl's is due, or the time is over."""
        if self._unresolved:
            seconds = min(seconds, LOOK_UP_CHECK_S)
        curl_ms = self._multi.timeout()
        if curl_ms >= 0:
            seconds = min(seconds, curl_ms / 1000)
        self._poll().poll(ceil(max(seconds, 0.0) * 1000))
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake_in, 4096)

    def _poll(self) -> select.poll:
        """Of select() with its limit of 1,024 descriptors one that is higher would end the process."""
        readable, writable, broken = self._multi.fdset()
        wanted: defaultdict[int, int] = defaultdict(int, {self._wake_in: select.POLLIN})
        for sockets, event in ((readable, select.POLLIN), (writable, select.POLLOUT), (broken, select.POLLPRI)):
            for socket in sockets:
                wanted[socket] |= event
        poll = select.poll()
        for descriptor, events in wanted.items():
            poll.register(descriptor, events)
        return poll

    def wake(self) -> None:
        """End a `wait` under way, or the next one. Safe from any thread."""
        # A full pipe is as good as another byte; a closed one means that nobody waits any more.
        with contextlib.suppress(BlockingIOError, OSError):
            os.write(self._wake_out, b"1")

    def close(self) -> None:
        """Break off what is under way and give all connections back."""
        for curl in self._running:
            self._multi.remove_handle(curl)
        for transfer in [*self._idle, *(running for running, _ in self._running.values())]:
            transfer.close()
        self._running.clear()
        self._multi.close()
        wake_in, wake_out, self._wake_in, self._wake_out = self._wake_in, self._wake_out, -1, -1
        os.close(wake_out)
        os.close(wake_in)


def _refusal(addresses: Iterable[Address], port: int, allowed: tuple[Allowance, ...]) -> str:
    try:
        for address in addresses:
            check_address(address, port, allowed)
    except AddressRefused as refusal:
        return str(refusal)
    return ""
