"""The guard of outgoing addresses: everything private is closed, in all its spellings, unless it was opened."""

from ipaddress import ip_address

import pytest

from cdp_project.kernel.addresses import AddressRefused, allowances, check_address, target_of

CLOSED = [
    "0.0.0.0",  # noqa: S104 - to be refused
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.127.255.254",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]
OPEN = ["1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.32.0.1", "2606:4700::1111", "::ffff:8.8.8.8"]


@pytest.mark.parametrize("address", CLOSED)
def test_private_addresses_are_closed(address: str) -> None:
    with pytest.raises(AddressRefused, match="not a public address"):
        check_address(ip_address(address), 443, ())


@pytest.mark.parametrize("address", OPEN)
def test_public_addresses_are_open(address: str) -> None:
    check_address(ip_address(address), 443, ())


@pytest.mark.parametrize(
    ("word", "address", "port", "is_open"),
    [
        ("10.1.0.0/16", "10.1.2.3", 80, True),
        ("10.1.0.0/16", "10.2.0.1", 80, False),
        ("127.0.0.1/32:8099", "127.0.0.1", 8099, True),
        ("127.0.0.1/32:8099", "127.0.0.1", 8098, False),
        ("127.0.0.1/32:8099", "127.0.0.2", 8099, False),
        ("127.0.0.1:8099", "127.0.0.1", 8099, True),
        ("127.0.0.1/32", "::ffff:127.0.0.1", 80, True),
        ("fd00::/8", "fd00::1", 80, True),
        ("[fd00::/8]:8099", "fd00::1", 8099, True),
        ("[fd00::/8]:8099", "fd00::1", 80, False),
    ],
)
def test_a_network_can_be_opened(word: str, address: str, port: int, is_open: bool) -> None:
    allowed = allowances([word])
    if is_open:
        check_address(ip_address(address), port, allowed)
    else:
        with pytest.raises(AddressRefused):
            check_address(ip_address(address), port, allowed)


@pytest.mark.parametrize("word", ["", "localhost", "10.1.0.0/33", "10.1.2.3/8", "127.0.0.1:port", "fd00::/8:80:x"])
def test_a_bad_network_is_named(word: str) -> None:
    with pytest.raises(ValueError, match="no network"):
        allowances([word])


@pytest.mark.parametrize(
    ("url", "host", "address", "port"),
    [
        ("https://hooks.example.com/in?a=1", "hooks.example.com", None, 443),
        ("http://HOOKS.example.com:8080", "hooks.example.com", None, 8080),
        ("http://xn--bcher-kva.example/", "xn--bcher-kva.example", None, 80),
        ("http://203.0.113.7/", "", "203.0.113.7", 80),
        ("https://[2606:4700::1111]:8443/", "", "2606:4700::1111", 8443),
    ],
)
def test_where_a_url_leads(url: str, host: str, address: str | None, port: int) -> None:
    target = target_of(url)
    assert target.host == host
    assert target.address == (ip_address(address) if address else None)
    assert target.port == port


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example.com",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "//example.com/",
        "http://",
        "http:///path",
        "http://:80/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.0.0.1/",
        "http://0177.0.0.1/",
        "http://017700000001/",
        "http://127.1/",
        "http://127.0.1/",
        "http://0/",
        "http://0x/",
        "http://1.2.3.4.5/",
        "http://example.0x7f/",
        "http://127.0.0.1./",
        "http://localhost./",
        "http://example..com/",
        "http://-example.com/",
        "http://\uff11\uff12\uff17.0.0.1/",
        "http://\u2460\u2461\u2466.0.0.1/",
        "http://127\u30020\u30020\u30021/",
        "http://b\u00fccher.example/",
        "http://%31%32%37.0.0.1/",
        "http://user@127.0.0.1/",
        "http://example.com@127.0.0.1/",
        "http://user:secret@example.com/",
        "http://example.com\\@127.0.0.1/",
        "http://127.0.0.1\\.example.com/",
        "http://example.com /",
        "http://exa\tmple.com/",
        "http://example.com/\r\nHost: x",
        " http://example.com/",
        "http://[::1%25lo]/",
        "http://[::1]x/",
        "http://[example.com]/",
        "http://[::ffff:127.1]/",
        "http://example.com:0/",
        "http://example.com:65536/",
        "http://example.com:80:80/",
        "http://example.com:8o/",
        "http://" + "a" * 64 + ".com/",
        "http://" + "a." * 130 + "com/",
    ],
)
def test_urls_that_could_be_read_in_two_ways_are_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        target_of(url)
