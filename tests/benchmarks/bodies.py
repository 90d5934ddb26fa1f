"""Batches as bytes, made quickly: one stamp of sixteen digits makes every id of a batch its own.

The stamp is a time in microseconds, so a receiver can also tell from it how long an event took.
"""

import base64
import time
from collections.abc import Iterator
from itertools import count, cycle, islice

import msgspec

STAMP = b"4000000000000000"
NAMES = [f"Event {number}" for number in range(40)]
VARIANTS = 40
EVENTS = b'"events":[]'


def stamps() -> Iterator[bytes]:
    """Stamps that no other call gives, as long as fewer than a million a second are taken."""
    return (b"%d" % number for number in count(time.time_ns() // 1000))


class Bodies:
    """Batches of so many events, of so many people in turn, or by larger strides."""

    def __init__(self, events: int, people: int, stride: int = 1) -> None:
        self.events, self.people, self._stride = events, people, stride
        now_ms = time.time_ns() // 1_000_000
        self._tails = [_events(variant, events, now_ms) for variant in range(VARIANTS)]

    def person(self, number: int) -> int:
        """Whose turn it is."""
        return number * self._stride % self.people

    def template(self, number: int) -> bytes:
        """The batch of the person whose turn it is, with STAMP in place of its stamp."""
        tail = self._tails[number % VARIANTS]
        return _head(self.person(number)).replace(EVENTS, b'"events":' + tail)

    def body(self, number: int, stamp: bytes) -> bytes:
        """The same with a stamp of its own."""
        return self.template(number).replace(STAMP, stamp)

    def requests(self, key: str, secret: str, most: int) -> list[bytes]:
        """Whole HTTP requests with STAMP inside."""
        authorization = base64.b64encode(f"{key}:{secret}".encode()).decode()
        head = (
            "POST /v2/events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Authorization: Basic {authorization}\r\nContent-Length: "
        ).encode()
        templates = map(self.template, range(most))
        return [head + b"%d\r\n\r\n" % len(each) + each for each in templates]


def stamped(requests: list[bytes]) -> Iterator[bytes]:
    """The requests in turn for ever, each time with a stamp of its own."""
    return (request.replace(STAMP, stamp) for request, stamp in zip(cycle(requests), stamps(), strict=False))


def first(requests: Iterator[bytes], most: int) -> list[bytes]:
    """So many of them."""
    return list(islice(requests, most))


def _head(person: int) -> bytes:
    """Three identities, attributes, a device: what an SDK sends."""
    return msgspec.json.encode(
        {
            "environment": "production",
            "source_request_id": f"r-{STAMP.decode()}",
            "mp_deviceid": f"00000000-0000-4000-8000-{person:012d}",
            "user_identities": {"customer_id": f"customer-{person}", "email": f"person{person}@example.com"},
            "user_attributes": {"plan": ("free", "gold")[person % 2], "visits": person % 100, "city": "Graz"},
            "device_info": {"platform": "Android", "device_model": "Pixel 8", "os_version": "15", "brand": "Google"},
            "application_info": {"application_name": "Shop", "application_version": "3.2.1"},
            "events": [],
        }
    )


def _events(variant: int, events: int, now_ms: int) -> bytes:
    return msgspec.json.encode([_event(variant, place, now_ms) for place in range(events)])


def _event(variant: int, place: int, now_ms: int) -> dict[str, object]:
    data = {
        "event_name": NAMES[(variant + place) % len(NAMES)],
        "custom_event_type": "other",
        "timestamp_unixtime_ms": now_ms - 37 * place,
        "source_message_id": f"m-{STAMP.decode()}-{place}",
        "session_uuid": f"session-{variant % 4}",
        "custom_attributes": {"due_us": int(STAMP), "item": variant, "price": 9.5, "colour": "red"},
    }
    return {"event_type": "custom_event", "data": data}
