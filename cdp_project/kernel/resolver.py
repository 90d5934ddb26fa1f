"""Host names to addresses in threads of our own, with a time limit and a short memory.

A resolver that hangs holds a thread, never the loop that asks; answers and failures come through `finished`.
"""

import socket
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from queue import Empty, SimpleQueue

from cdp_project.kernel.addresses import Address

KNOWN_FOR_S, UNKNOWN_FOR_S = 30.0, 3.0
TIME_OUT_S = 5.0
THREADS_MOST = 32
REMEMBERED_MOST = 10_000

LookUp = Callable[[str], list[str]]


@dataclass(frozen=True, slots=True)
class Resolved:
    """Addresses of a name; none when it could not be resolved, and `error` says why."""

    addresses: tuple[Address, ...]
    error: str = ""


def system_look_up(host: str) -> list[str]:
    """Every address that the machine's resolver knows; OSError when it knows none."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [str(address[4][0]).partition("%")[0] for address in found]


class Resolver:
    """Belongs to one loop: only `look_up` runs elsewhere. `wake` is called from a thread when an answer is there."""

    def __init__(self, wake: Callable[[], None], look_up: LookUp = system_look_up) -> None:
        self._wake = wake
        self._look_up = look_up
        self._known: OrderedDict[str, tuple[float, Resolved]] = OrderedDict()
        self._asked: dict[str, float] = {}
        self._answers: SimpleQueue[tuple[str, Resolved]] = SimpleQueue()
        self._threads = threading.BoundedSemaphore(THREADS_MOST)

    def known(self, host: str) -> Resolved | None:
        """What is remembered of the name; None starts a look-up whose end `finished` reports."""
        until, resolved = self._known.get(host, (0.0, None))
        if resolved is not None and time.monotonic() < until:
            return resolved
        if host not in self._asked:
            self._asked[host] = time.monotonic()
            self._start(host)
        return None

    def finished(self) -> list[str]:
        """Names that are answered, or given up, since the last call; `known` tells what became of them."""
        done = [host for host, resolved in self._arrived() if self._keep(host, resolved)]
        late = [host for host, since in self._asked.items() if time.monotonic() - since > TIME_OUT_S]
        return done + [host for host in late if self._keep(host, Resolved((), "the resolver did not answer in time"))]

    def _start(self, host: str) -> None:
        if not self._threads.acquire(blocking=False):
            self._answers.put((host, Resolved((), "too many names are being resolved")))
            self._wake()
            return
        threading.Thread(target=self._run, args=(host,), name="resolver", daemon=True).start()

    def _run(self, host: str) -> None:
        try:
            addresses = dict.fromkeys(ip_address(text) for text in self._look_up(host))
            self._answers.put((host, Resolved(tuple(addresses), "" if addresses else "the name has no address")))
        except (OSError, ValueError) as error:
            self._answers.put((host, Resolved((), f"the name could not be resolved: {error}")))
        finally:
            self._threads.release()
        self._wake()

    def _arrived(self) -> list[tuple[str, Resolved]]:
        arrived = []
        try:
            while True:
                arrived.append(self._answers.get_nowait())
        except Empty:
            return arrived

    def _keep(self, host: str, resolved: Resolved) -> bool:
        """Remember the answer; False when it comes after the name was given up."""
        if self._asked.pop(host, None) is None:
            return False
        kept_s = KNOWN_FOR_S if resolved.addresses else UNKNOWN_FOR_S
        self._known[host] = (time.monotonic() + kept_s, resolved)
        if len(self._known) > REMEMBERED_MOST:
            self._known.popitem(last=False)
        return True
