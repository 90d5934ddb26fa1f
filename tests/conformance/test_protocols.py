"""What every input protocol owes. A new file in `events/protocols/` joins by existing, with a captured sample."""

import json
import random
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.batch import Batch, BatchError
from events.decoding.violations import VIOLATIONS
from events.intake.refusals import bad_request, over_limit
from events.protocol import PROTOCOLS, Endpoint, IntakeProtocol, IntakeRefusal, IntakeRequest

SAMPLES = Path(__file__).parent.parent / "golden" / "protocols"
every_protocol = pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=PROTOCOLS.keys())


def sample_of(protocol: IntakeProtocol) -> bytes:
    """One batch as a real client sent it."""
    return (SAMPLES / f"{protocol.key}.json").read_bytes().strip()


def requests(protocol: IntakeProtocol, batch: bytes) -> Iterator[IntakeRequest]:
    """The batch, once for every endpoint."""
    for endpoint in protocol.endpoints:
        yield IntakeRequest(endpoint, {}, {}, b"[%b]" % batch if endpoint.is_bulk else batch)


def garbled(sample: bytes, seed: int) -> bytes:
    """The sample with some bytes changed, cut out or doubled."""
    chance = random.Random(seed)
    body = bytearray(sample)
    for _ in range(chance.randrange(1, 6)):
        place = chance.randrange(len(body))
        match chance.randrange(3):
            case 0:
                body[place] = chance.randrange(256)
            case 1:
                del body[place : place + chance.randrange(40)]
            case _:
                body[place:place] = body[place : place + chance.randrange(40)]
    return bytes(body)


def outcome_of(call: Callable[[], Any]) -> Any:
    """What the call answers, or the refusal that it may raise; anything else fails the test."""
    try:
        return call()
    except (BatchError, IntakeRefusal) as error:
        return error


def test_paths_are_exact_and_belong_to_one_protocol() -> None:
    endpoints: list[Endpoint] = list(chain.from_iterable(each.endpoints for each in PROTOCOLS.values()))
    paths, names = [each.path for each in endpoints], [each.name for each in endpoints]

    assert len(set(paths)) == len(paths)
    assert len(set(names)) == len(names)
    assert all(path and path == path.strip("/") for path in paths)


@every_protocol
def test_the_key_is_the_files_name(protocol: IntakeProtocol) -> None:
    assert type(protocol).__module__ == f"events.protocols.{protocol.key}"
    assert protocol.name


@every_protocol
def test_the_captured_sample_is_understood_whole_and_always_the_same(protocol: IntakeProtocol) -> None:
    batch = protocol.decode(sample_of(protocol))

    assert isinstance(batch, Batch)
    assert batch.events
    assert batch.identities
    assert batch.violations == []
    assert protocol.decode(sample_of(protocol)) == batch


@every_protocol
def test_parts_carry_the_batches_as_sent_and_heads_agree_with_them(protocol: IntakeProtocol) -> None:
    for request in requests(protocol, sample_of(protocol)):
        (part,) = protocol.split(request)
        batch = protocol.decode(part.body)
        assert part.body in request.body
        assert not isinstance(part.head, BatchError)
        assert (part.head.environment, part.head.mpid) == (batch.environment, batch.mpid)
        assert part.head.identities == batch.identities
        assert part.head.event_count == len(batch.events)


@every_protocol
def test_what_is_stored_is_answered_with_success(protocol: IntakeProtocol) -> None:
    for request in requests(protocol, sample_of(protocol)):
        reply = protocol.accepted(request, protocol.split(request), [uuid4()])
        assert 200 <= reply.status < 300


@every_protocol
def test_every_client_finds_the_error_in_the_body(protocol: IntakeProtocol) -> None:
    reply = protocol.refused(bad_request("It is wrong."))
    error = {"code": "BAD_REQUEST", "message": "It is wrong."}

    assert reply.status == 400
    assert reply.headers["Content-Type"] == "application/json"
    assert json.loads(reply.body) == {"errors": [error], "Errors": [error], **error}
    assert protocol.refused(over_limit("feed", "Slower.", 7)).headers["Retry-After"] == "7"


@every_protocol
def test_without_credentials_none_are_found(protocol: IntakeProtocol) -> None:
    assert all(protocol.credentials(request) is None for request in requests(protocol, sample_of(protocol)))


@every_protocol
@given(header=st.text())
def test_credentials_that_cannot_be_read_are_refused_and_no_worse(protocol: IntakeProtocol, header: str) -> None:
    request = IntakeRequest(protocol.endpoints[0], {"authorization": header}, {}, b"")

    found = outcome_of(lambda: protocol.credentials(request))

    assert not isinstance(found, IntakeRefusal) or found.status in {401, 403}


@every_protocol
@given(seed=st.integers(0, 2**32))
def test_a_garbled_sample_is_refused_or_understood_and_no_worse(protocol: IntakeProtocol, seed: int) -> None:
    body = garbled(sample_of(protocol), seed)

    found = outcome_of(lambda: protocol.decode(body))

    assert isinstance(found, BatchError) or {each.code for each in found.violations} <= set(VIOLATIONS)
    for request in requests(protocol, body):
        parts = outcome_of(partial(protocol.split, request))
        assert not isinstance(parts, IntakeRefusal) or parts.status in {400, 413}
