"""Bodies that strangers send: refused with the place, or mended, and never anything worse."""

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.batch import BatchError
from events.decoding.events_api import batch_of, head_of
from events.decoding.safe_json import elements_of
from tests.events.decoding.test_events_api import codes


def refusal_of(body: bytes) -> str:
    with pytest.raises(BatchError) as caught:
        batch_of(body)
    with pytest.raises(BatchError) as at_intake:
        head_of(body)
    assert (at_intake.value.code, at_intake.value.message) == (caught.value.code, caught.value.message)
    assert caught.value.code == "malformed"
    return caught.value.message


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b'{"events":[', "cannot be read as JSON"),
        (b"{} {}", "trailing"),
        (b"[]", "must be an object, not an array"),
        (b"null", "must be an object"),
        (b'"text"', "must be an object, not a text"),
        (b"NaN", "cannot be read as JSON"),
        (b'{"user_attributes":{"a":NaN}}', "cannot be read as JSON"),
        (b'{"user_attributes":{"a":-Infinity}}', "cannot be read as JSON"),
        (b'{"user_attributes":{"a":1e999}}', "out of range"),
        (b'{"a":"\xff"}', "not UTF-8: byte 6"),
        (b'{"a":"\xed\xa0\x80"}', "not UTF-8"),
        (b'{"a":"\x00"}', "cannot be read as JSON"),
        (b'{"events":{}}', "events must be an array, not an object"),
        (b'{"events":[7]}', r"events\[0\] must be an object, not a number"),
        (b'{"events":[{"event_type":"opt_out"},{"data":{}}]}', r"events\[1\]\.event_type is missing"),
        (b'{"events":[{"event_type":null}]}', r"events\[0\]\.event_type must be a text, not null"),
        (b'{"events":[{"event_type":" "}]}', r"events\[0\]\.event_type is empty"),
        (b'{"events":[{"event_type":"opt_out","data":[]}]}', r"events\[0\]\.data must be an object"),
        (b'{"events":[{"event_type":"custom_event","data":{"event_name":""}}]}', r"events\[0\]\.data\.event_name"),
        (b'{"device_info":[]}', "device_info must be an object, not an array"),
        (b'{"environment":"staging"}', "environment must be production or development"),
        (b'{"user_attributes":{"a":' + b"[" * 100_000, "nested deeper than 32"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_place(body: bytes, says: str) -> None:
    message = refusal_of(body)

    assert re.search(says, message), message


def test_of_the_commerce_actions_exactly_one_is_allowed() -> None:
    data = {"product_action": {"action": "purchase"}, "promotion_action": {"action": "view"}}
    body = json.dumps({"events": [{"event_type": "commerce_event", "data": data}]}).encode()

    assert refusal_of(body) == "events[0].data has product_action and promotion_action; exactly one is allowed."
    for name in data:
        one = {"events": [{"event_type": "commerce_event", "data": data | {name: None, "product_impressions": []}}]}
        assert len(batch_of(json.dumps(one).encode()).events) == 1


def nested(levels: int, place: str) -> bytes:
    """A batch whose deepest list or object is `levels` down, the batch itself being the first."""
    inner: Any = []
    depth = {"user_attributes": 2, "deleted_user_attributes": 1, "data": 4}[place]
    for _ in range(levels - depth - 1):
        inner = [inner]
    batch: dict[str, Any] = {
        "user_attributes": {"user_attributes": {"a": inner}},
        "deleted_user_attributes": {"deleted_user_attributes": inner},
        "data": {"events": [{"event_type": "opt_out", "data": {"a": inner}}]},
    }[place]
    return json.dumps(batch).encode()


@pytest.mark.parametrize("place", ["user_attributes", "deleted_user_attributes", "data"])
def test_32_levels_are_read_and_33_are_not(place: str) -> None:
    assert batch_of(nested(32, place)) == batch_of(nested(32, place))
    assert "deeper than 32" in refusal_of(nested(33, place))
    assert "deeper than 32" in refusal_of(nested(500, place))


def test_nul_and_lone_surrogates_become_replacement_characters_and_are_told() -> None:
    batch = batch_of(rb'{"user_attributes":{"a\u0000b":"\ud800x","c":"\uDC00\ud83d\ude00\\u0000","\ud800\ud800":1}}')

    assert batch.user_attributes == {"a\ufffdb": "\ufffdx", "c": "\ufffd😀\\u0000", "\ufffd\ufffd": 1}
    assert codes(batch) == [("text_unstorable", "")] * 5


def test_what_is_mended_can_be_stored() -> None:
    batch = batch_of(rb'{"user_attributes":{"a":"\u0000\udfff"}}')

    text = json.dumps(batch.user_attributes)
    assert "\\u0000" not in text
    assert "\\ud" not in text.lower()


def test_elements_of_an_array_come_as_they_were_sent() -> None:
    sent = [rb'{"a": "\ud800" }', b"[ 1 ,2]", rb'"\u0000,]"', b"null", rb'{"a": "\ud800" }']

    assert elements_of(b" [" + b" ,\n".join(sent) + b"\t] ") == sent


@pytest.mark.parametrize("body", [b"", b"{}", b"[1", b"[1,]", b"null", b"[" * 100_000, b'["\xff"]'])
def test_what_is_no_array_has_no_elements(body: bytes) -> None:
    with pytest.raises(BatchError):
        elements_of(body)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner, max_size=4),
    max_leaves=12,
)
field_names = st.sampled_from(
    [
        "events",
        "environment",
        "mpid",
        "mp_deviceid",
        "user_identities",
        "user_attributes",
        "deleted_user_attributes",
        "device_info",
        "application_info",
        "consent_state",
        "context",
        "location",
        "ip",
        "source_request_id",
        "sdk_version",
        "unknown",
    ]
)
events = st.fixed_dictionaries(
    {"event_type": st.sampled_from(["custom_event", "commerce_event", "screen_view", "profile", "?"])},
    optional={
        "data": st.dictionaries(
            st.sampled_from(
                [
                    "event_name",
                    "screen_name",
                    "custom_attributes",
                    "timestamp_unixtime_ms",
                    "product_action",
                    "promotion_action",
                    "source_message_id",
                    "profile_event_type",
                ]
            ),
            json_values,
            max_size=5,
        )
    },
)
batches = st.dictionaries(field_names, json_values, max_size=6) | st.fixed_dictionaries(
    {"events": st.lists(events, max_size=3)}, optional={"user_attributes": json_values, "user_identities": json_values}
)


def outcome(read: Any, body: bytes) -> Any:
    """What reading gives; a BatchError as its code and message, anything else as it comes."""
    try:
        return read(body)
    except BatchError as error:
        return error.code, error.message


@settings(max_examples=300)
@given(st.binary(max_size=200) | st.text().map(str.encode) | batches.map(json.dumps).map(str.encode))
def test_reading_ends_in_a_batch_or_a_batch_error_and_always_the_same(body: bytes) -> None:
    batch, head = outcome(batch_of, body), outcome(head_of, body)

    assert outcome(batch_of, body) == batch
    if isinstance(batch, tuple):
        assert head == batch
    else:
        assert (head.environment, head.mpid, head.identities) == (batch.environment, batch.mpid, batch.identities)
        assert head.event_count == len(batch.events)


@settings(max_examples=200)
@given(batches)
def test_what_was_read_is_within_the_limits(value: dict[str, Any]) -> None:
    batch = outcome(batch_of, json.dumps(value).encode())
    if isinstance(batch, tuple):
        return
    json.dumps([batch.user_attributes, batch.envelope, [each.data for each in batch.events]], allow_nan=False)
    assert all(0 < len(identity.strip()) <= 256 for identity in batch.identities.values())
    for attributes in [batch.user_attributes, *(each.data.get("custom_attributes", {}) for each in batch.events)]:
        assert len(attributes) <= 100
        for name, held in attributes.items():
            assert len(name) <= 256
            assert not isinstance(held, int) or isinstance(held, bool) or -(2**63) <= held < 2**63


DEEP = b'{"user_attributes":{"a":' + b"[" * 20_000 + b"]" * 20_000 + b"}}"


def test_one_batch_that_nests_too_deep_leaves_the_others_of_its_array_alone() -> None:
    good = b'{"user_attributes":{"a":"],[\\" {"}}'

    elements = elements_of(b" [" + good + b", " + DEEP + b" ," + good + b"] ")

    assert elements == [good, DEEP, good]
    assert len(batch_of(elements[0]).user_attributes) == 1
    assert "nested deeper than 32" in refusal_of(DEEP)


@pytest.mark.parametrize(
    "body",
    [
        b"[" + DEEP,
        b"[" + DEEP + b"}]",
        b"[" + DEEP + b",]",
        b"[" + DEEP + b"][]",
        b"[" + DEEP + b',"a]',
        DEEP,
        b"[" * 100_000,
        b"[" * 5_000 + b'\\"' * 60_000,
    ],
    ids=range(8),
)
def test_an_array_that_cannot_be_cut_is_refused(body: bytes) -> None:
    with pytest.raises(BatchError):
        elements_of(body)
