"""The limits on one batch (reference 3): what is too much is cut or left out, and told."""

import json
from typing import Any

import pytest

from events.batch import Batch, BatchError
from events.decoding.events_api import batch_of
from tests.events.decoding.test_events_api import codes, decode, event


def custom(**attributes: Any) -> Batch:
    return decode(events=[event(event_name="x", custom_attributes=attributes)])


def kept(batch: Batch) -> Any:
    return batch.events[0].data["custom_attributes"]


def test_names_of_256_characters_stay_and_longer_ones_are_cut() -> None:
    fits = decode(events=[event(event_name="n" * 256)])
    batch = decode(events=[event(event_name="ü" * 257)])

    assert fits.violations == []
    assert batch.events[0].name == batch.events[0].data["event_name"] == "ü" * 256
    assert codes(batch) == [("name_cut", "/events/0/data/event_name")]


def test_the_first_100_attributes_by_name_are_kept() -> None:
    batch = custom(**{f"a{n:03}": n for n in reversed(range(101))})

    assert list(kept(batch)) == [f"a{n:03}" for n in range(100)]
    assert codes(batch) == [("too_many_attributes", "/events/0/data/custom_attributes")]
    assert custom(**{f"a{n}": n for n in range(100)}).violations == []


def test_attribute_names_are_cut_and_the_first_of_two_that_then_agree_is_kept() -> None:
    long = "n" * 256
    batch = custom(**{f"{long}a": 1, f"{long}b": 2, "short": 3})

    assert kept(batch) == {long: 1, "short": 3}
    assert [code for code, _ in codes(batch)] == ["name_cut", "name_cut", "name_taken"]


def test_values_of_4096_characters_stay_and_longer_ones_go() -> None:
    batch = custom(fits="x" * 4096, long="x" * 4097)

    assert kept(batch) == {"fits": "x" * 4096}
    assert codes(batch) == [("value_too_long", "/events/0/data/custom_attributes/long")]


def test_nested_values_are_kept_as_text() -> None:
    batch = custom(cart={"items": [1, 2]}, flat=1, nothing=None)

    assert kept(batch) == {"cart": '{"items":[1,2]}', "flat": 1, "nothing": None}
    assert codes(batch) == [("value_flattened", "/events/0/data/custom_attributes/cart")]


def test_an_event_type_is_no_longer_than_a_name() -> None:
    batch = decode(events=[{"event_type": "t" * 60_000}])

    assert batch.events[0].event_type == "t" * 256
    assert [code for code, _ in codes(batch)] == ["name_cut", "event_type_unknown"]


def test_custom_attributes_that_are_no_map_are_left_out() -> None:
    batch = decode(events=[event(event_name="x", custom_attributes=["a"])])

    assert "custom_attributes" not in batch.events[0].data
    assert codes(batch) == [("wrong_kind", "/events/0/data/custom_attributes")]


def test_user_attributes_have_the_same_limits_and_lists() -> None:
    batch = decode(
        user_attributes={
            "long": "x" * 4097,
            "many": ["e"] * 1001,
            "wide": ["ok", "x" * 513, None, 5, True],
            "odd/name~": {"a": 1},
        }
    )

    assert batch.user_attributes == {"many": ["e"] * 1000, "wide": ["ok", "5", "true"], "odd/name~": '{"a":1}'}
    assert sorted(codes(batch)) == [
        ("list_too_long", "/user_attributes/many"),
        ("value_flattened", "/user_attributes/odd~1name~0"),
        ("value_too_long", "/user_attributes/long"),
        ("value_too_long", "/user_attributes/wide"),
    ]


def test_a_batch_of_128_kb_is_the_largest() -> None:
    filler = json.dumps({"x": ""}).encode()
    fits = filler.replace(b'""', b'"' + b"x" * (128 * 1024 - len(filler)) + b'"')

    assert len(fits) == 128 * 1024
    assert batch_of(fits).events == []
    with pytest.raises(BatchError, match="131073 bytes") as caught:
        batch_of(fits.replace(b"xx", b"xxx", 1))
    assert caught.value.code == "batch_too_large"


def test_of_all_that_is_wrong_a_hundred_places_are_told() -> None:
    batch = decode(user_identities={f"unknown{n}": "x" for n in range(101)})

    assert len(batch.violations) == 101
    assert codes(batch)[99:] == [("identity_type_unknown", "/user_identities/unknown99"), ("more", "")]


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63), 9223372036854775807])
def test_64_bits_hold(number: int) -> None:
    assert kept(custom(n=number)) == {"n": number}


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 2**64, 10**400])
def test_larger_whole_numbers_are_kept_as_text(number: int) -> None:
    batch = decode(
        user_attributes={"n": [number], "m": number}, device_info={"deep": [{"n": number}]}, sdk_version=number
    )

    assert batch.user_attributes == {"n": [str(number)], "m": str(number)}
    assert batch.envelope == {"device_info": {"deep": [{"n": str(number)}]}, "sdk_version": str(number)}
    assert {code for code, _ in codes(batch)} == {"integer_too_large"}
    assert "/device_info/deep/0/n" in {pointer for _, pointer in codes(batch)}
