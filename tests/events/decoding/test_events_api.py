"""What the Events API's batches say, in the house's words."""

import json
from pathlib import Path
from typing import Any

import pytest

from cdp_project.workspaces.environment import Environment
from events.batch import Batch, BatchError
from events.decoding.events_api import batch_of, count_events, head_of
from events.identity_types import IdentityType

SAMPLE = Path(__file__).parents[2] / "golden" / "protocols" / "mparticle.json"


def decode(**fields: Any) -> Batch:
    return batch_of(json.dumps(fields).encode())


def event(event_type: str = "custom_event", **data: Any) -> dict[str, Any]:
    return {"event_type": event_type, "data": data}


def codes(batch: Batch) -> list[tuple[str, str]]:
    return [(violation.code, violation.pointer) for violation in batch.violations]


def test_the_captured_upload_of_the_python_client_is_understood_whole() -> None:
    batch = batch_of(SAMPLE.read_bytes())

    assert batch.environment is Environment.DEVELOPMENT
    assert batch.identities == {IdentityType.CUSTOMER_ID: "c-1", IdentityType.EMAIL: "c-1@example.com"}
    assert batch.user_attributes == {"plan": "pro", "visits": 3, "vip": True, "tags": ["a", "b"], "gone": None}
    assert batch.deleted_user_attributes == ["oldthing"]
    assert batch.envelope["context"] == {"data_plan": {"plan_id": "shop_plan", "plan_version": 1}}
    assert [(each.event_type, each.name) for each in batch.events] == [
        ("custom_event", "Opened"),
        ("screen_view", "Home"),
        ("commerce_event", "purchase"),
        ("commerce_event", "view"),
        ("commerce_event", "impression"),
        ("user_attribute_change", ""),
        ("session_end", ""),
    ]
    assert batch.events[0].occurred_at_ms == 1795431534497
    assert batch.violations == []


def test_null_means_absent_everywhere_but_among_user_attributes() -> None:
    names = [
        "events",
        "user_identities",
        "user_attributes",
        "device_info",
        "consent_state",
        "context",
        "mpid",
        "ip",
        "source_request_id",
    ]

    assert decode(**dict.fromkeys(names)) == Batch(environment=Environment.PRODUCTION)
    batch = decode(
        user_identities={"email": None},
        user_attributes={"tag": None},
        device_info={"platform": "web", "brand": None},
        events=[event("screen_view", screen_name="Home", custom_attributes=None, location=None)],
    )
    assert batch.identities == {}
    assert batch.user_attributes == {"tag": None}
    assert batch.envelope == {"device_info": {"platform": "web"}}
    assert batch.events[0].data == {"screen_name": "Home"}
    assert batch.violations == []


def test_unknown_fields_are_ignored() -> None:
    assert decode(schema_version=2, api_key="k", whatever={"a": [1]}) == Batch(environment=Environment.PRODUCTION)


@pytest.mark.parametrize(
    ("spelling", "kind"),
    [
        ("customerid", IdentityType.CUSTOMER_ID),
        ("customer_id", IdentityType.CUSTOMER_ID),
        ("facebookcustomaudienceid", IdentityType.FACEBOOK_CUSTOM_AUDIENCE_ID),
        ("facebook_custom_audience_id", IdentityType.FACEBOOK_CUSTOM_AUDIENCE_ID),
        ("other2", IdentityType.OTHER_ID_2),
        ("other_id_10", IdentityType.OTHER_ID_10),
        ("mobile_number", IdentityType.MOBILE_NUMBER),
    ],
)
def test_identities_are_known_by_every_spelling(spelling: str, kind: IdentityType) -> None:
    assert decode(user_identities={spelling: "x"}).identities == {kind: "x"}


def test_devices_name_people_too() -> None:
    batch = decode(
        mp_deviceid="stamp", device_info={"ios_idfv": "IDFV", "android_advertising_id": "AAID", "brand": "x"}
    )

    assert batch.identities == {
        IdentityType.DEVICE_APPLICATION_STAMP: "stamp",
        IdentityType.IOS_IDFV: "IDFV",
        IdentityType.ANDROID_ADVERTISING_ID: "AAID",
    }


@pytest.mark.parametrize("value", ["", "  ", "0", 0, "null", "NULL", "undefined", "None", "nan", "[object Object]"])
def test_values_that_name_nobody_are_no_identities(value: Any) -> None:
    batch = decode(user_identities={"customer_id": value}, mp_deviceid=value)

    assert batch.identities == {}
    assert codes(batch) == [
        ("identity_meaningless", "/mp_deviceid"),
        ("identity_meaningless", "/user_identities/customer_id"),
    ]


def test_blanks_around_an_identity_are_not_part_of_it() -> None:
    batch = decode(
        mp_deviceid=" stamp",
        device_info={"ios_idfv": "IDFV\n"},
        user_identities={"customer_id": "  A b ", "email": "Mia@Example.com\t", "other": " " + "x" * 256},
    )

    assert batch.identities == {
        IdentityType.DEVICE_APPLICATION_STAMP: "stamp",
        IdentityType.IOS_IDFV: "IDFV",
        IdentityType.CUSTOMER_ID: "A b",
        IdentityType.EMAIL: "Mia@Example.com",
        IdentityType.OTHER: "x" * 256,
    }
    assert batch.violations == []


def test_the_advertising_id_of_all_phones_that_forbid_tracking_names_nobody() -> None:
    assert decode(device_info={"ios_advertising_id": "00000000-0000-0000-0000-000000000000"}).identities == {}


def test_identities_that_cannot_be_used_are_left_out_and_told() -> None:
    batch = decode(user_identities={"shoe_size": "44", "email": ["a@example.com"], "other": "x" * 257, "google": 7})

    assert batch.identities == {IdentityType.GOOGLE: "7"}
    assert codes(batch) == [
        ("identity_type_unknown", "/user_identities/shoe_size"),
        ("wrong_kind", "/user_identities/email"),
        ("value_too_long", "/user_identities/other"),
    ]


@pytest.mark.parametrize(
    ("written", "mpid"),
    [(-3800224851602197776, -3800224851602197776), ("-38", -38), (1.5e18, 1500000000000000000), ("", None), (0, None)],
)
def test_an_mpid_is_read_however_it_is_written(written: Any, mpid: int | None) -> None:
    assert decode(mpid=written).mpid == mpid


@pytest.mark.parametrize("written", ["abc", "1_000", "٣", 2**63, "9223372036854775808", 1e300, "null"])
def test_what_is_no_mpid_makes_the_batch_unusable(written: Any) -> None:
    with pytest.raises(BatchError, match="mpid"):
        decode(mpid=written)


@pytest.mark.parametrize(("action", "name"), [(1, "view"), (2, "click"), ("1", "view"), ("click", "click")])
def test_a_promotions_action_is_a_number_or_a_word(action: Any, name: str) -> None:
    (found,) = decode(events=[event("commerce_event", promotion_action={"action": action})]).events

    assert found.name == name
    assert found.data["promotion_action"]["action"] == name


@pytest.mark.parametrize("event_type", ["crash_report", "opt_out", "breadcrumb", "session_start"])
def test_events_without_a_name_go_by_their_type(event_type: str) -> None:
    batch = decode(events=[{"event_type": event_type}])

    assert [(each.name, each.data) for each in batch.events] == [("", {})]
    assert batch.violations == []


def test_a_crash_report_that_calls_itself_commerce_is_taken() -> None:
    # A bug of the Python client (wire.md 3).
    (found,) = decode(events=[event("commerce_event", message="boom", severity="fatal")]).events

    assert (found.event_type, found.name) == ("commerce_event", "")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"environment": "staging", "events": [{}, 7, {"event_type": "x"}]}', 3),
        (b'{"events": null}', 0),
        (b'{"events": {"a": 1}}', 0),
        (b'[{"events": [1]}]', 0),
        (b'{"events": [1, 2', 0),
        (b'{"events": [' + b"[" * 100_000, 0),
        (b'{"events": ["\xff"]}', 1),
        (b"", 0),
    ],
)
def test_events_of_an_unusable_batch_are_counted_where_they_can_be(body: bytes, expected: int) -> None:
    assert count_events(body) == expected


def test_an_unknown_event_type_is_taken_and_told() -> None:
    batch = decode(events=[{"event_type": "teleported"}])

    assert codes(batch) == [("event_type_unknown", "/events/0/event_type")]


@pytest.mark.parametrize("time", [0, -5, 253402300800000, "soon", True, [1], "9" * 19])
def test_a_time_that_is_none_counts_as_absent(time: Any) -> None:
    batch = decode(events=[event("opt_out", timestamp_unixtime_ms=time)])

    assert batch.events[0].occurred_at_ms is None
    assert codes(batch) == [("time_unusable", "/events/0/data/timestamp_unixtime_ms")]


def test_ids_of_messages_and_requests_are_texts() -> None:
    batch = decode(source_request_id=17, events=[event("opt_out", source_message_id=18), event("opt_out")])

    assert batch.source_request_id == "17"
    assert [each.source_message_id for each in batch.events] == ["18", None]


@pytest.mark.parametrize("nothing", ["", " ", "null", "undefined", 0])
def test_an_id_that_says_nothing_makes_nobody_a_repeat_of_another(nothing: Any) -> None:
    batch = decode(source_request_id=nothing, events=[event("opt_out", source_message_id=nothing)])

    assert (batch.source_request_id, batch.events[0].source_message_id) == (None, None)


def test_the_old_name_of_context_is_taken() -> None:
    assert decode(batch_context={"data_plan": {"plan_id": "p"}}).envelope == {
        "context": {"data_plan": {"plan_id": "p"}}
    }


def test_the_head_says_what_the_batch_says() -> None:
    head, batch = head_of(SAMPLE.read_bytes()), batch_of(SAMPLE.read_bytes())

    assert (head.environment, head.mpid, head.identities) == (batch.environment, batch.mpid, batch.identities)
    assert head.event_count == len(batch.events)
