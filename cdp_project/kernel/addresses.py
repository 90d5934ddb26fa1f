"""Which network addresses and URLs outgoing requests may use. Pure: looks nothing up, connects nowhere.

Private networks are closed unless an `Allowance` opens them (abuse list 34 of the reference: loopback in all
its spellings, metadata services, carrier NAT, mapped and translated addresses).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from urllib.parse import SplitResult, urlsplit

Address = IPv4Address | IPv6Address

CLOSED_V4 = [
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier NAT
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local, metadata services
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",  # multicast, reserved, broadcast
    )
]
GLOBAL_V6 = IPv6Network("2000::/3")
CLOSED_V6 = [
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments, among them Teredo, which carries a v4 address
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which carries a v4 address
        "3fff::/20",  # documentation
    )
]
NAME = re.compile(
    r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?)*", re.IGNORECASE
)
# A last label like this is read as a number by some resolvers: 127.1, 0x7f.0.0.1, 2130706433.
NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)", re.IGNORECASE)
BRACKETED = re.compile(r"\[([^]]*)\](:\d*)?")
WITH_PORT = re.compile(r"(?:\[(?P<v6>.+)\]|(?P<v4>[\d./]+)):(?P<port>\d+)")
UNSAFE = re.compile(r"[^\x21-\x7e]|[\\\"<>^`{|}]")


class AddressRefused(ValueError):
    """An address that must not be used; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """A network that is open although it is private; with `port` only on that port."""

    network: IPv4Network | IPv6Network
    port: int | None

    def covers(self, address: Address, port: int) -> bool:
        return address in self.network and self.port in (None, port)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads. `host` is a name in lower case, or empty where the URL names an `address`."""

    scheme: str
    host: str
    address: Address | None
    port: int


def allowances(words: Iterable[str]) -> tuple[Allowance, ...]:
    """From "10.1.0.0/16", "127.0.0.1/32:8099", "fd00::/8" or "[fd00::/8]:8099". ValueError names a bad one."""
    return tuple(_allowance(word) for word in words)


def _allowance(word: str) -> Allowance:
    match = WITH_PORT.fullmatch(word)
    network, port = (match["v6"] or match["v4"], int(match["port"])) if match else (word, None)
    try:
        return Allowance(ip_network(network), port)
    except ValueError as error:
        raise ValueError(f"{word!r} is no network such as 10.1.0.0/16 or 127.0.0.1/32:8099.") from error


def check_address(address: Address, port: int, allowed: Iterable[Allowance]) -> None:
    """AddressRefused unless the address is public or explicitly allowed."""
    plain = _unmapped(address)
    if _is_public(plain) or any(allowance.covers(plain, port) for allowance in allowed):
        return
    raise AddressRefused(
        f"{plain} is not a public address; CDP_DELIVERY_ALLOW can open a private network for deliveries."
    )


def _unmapped(address: Address) -> Address:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in CLOSED_V4)
    return address in GLOBAL_V6 and not any(address in network for network in CLOSED_V6)


def target_of(url: str) -> Target:
    """Where the URL leads; AddressRefused when it is no plain http(s) URL that everybody reads alike."""
    if UNSAFE.search(url):
        raise AddressRefused("The address has characters that do not belong in a URL; write them percent-encoded.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise AddressRefused("The address is no URL.") from None
    if parts.scheme not in {"http", "https"}:
        raise AddressRefused("The address must start with https:// or http://.")
    if "@" in parts.netloc or "%" in parts.netloc:
        raise AddressRefused("The address must not contain a user name, a password or a percent sign before the path.")
    if port == 0:
        raise AddressRefused("The address names port 0.")
    port = port or (443 if parts.scheme == "https" else 80)
    address = _literal(parts)
    return Target(parts.scheme, "" if address else _name(parts), address, port)


def _literal(parts: SplitResult) -> Address | None:
    """The address that the host spells out; None when it is a name."""
    host = parts.hostname or ""
    try:
        if "[" in parts.netloc or "]" in parts.netloc:
            bracketed = BRACKETED.fullmatch(parts.netloc)
            return IPv6Address(bracketed[1] if bracketed else parts.netloc)
        return IPv4Address(host) if NUMBER.fullmatch(host.rpartition(".")[2]) else None
    except ValueError:
        raise AddressRefused(f"{host!r} is an unusual spelling of an address; write it as 203.0.113.7.") from None


def _name(parts: SplitResult) -> str:
    host = parts.hostname or ""
    if not NAME.fullmatch(host):
        raise AddressRefused(f"{host!r} is no host name; write it in ASCII (xn--) and without a dot at the end.")
    return host
