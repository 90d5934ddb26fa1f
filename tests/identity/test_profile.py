"""What a batch does to a profile."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cdp_project.kernel import clock
from events.identity_types import IdentityType
from identity.profile import DEVICES_MOST, ProfileState, Said, device_key, update

THEN = datetime(2030, 1, 1, tzinfo=UTC)


def empty() -> ProfileState:
    return ProfileState(0, 1, False, THEN, THEN, 100)


def said(seq: int = 101, **fields: Any) -> Said:
    base = Said(seq, THEN, THEN, False, identities={}, attributes={}, deleted_attributes=[], envelope={})
    return replace(base, **fields)


def test_attributes_are_merged_and_deleted() -> None:
    state = empty()
    update(state, said(attributes={"a": 1, "tag": None, "list": ["x"]}))
    update(state, said(102, attributes={"a": 2}, deleted_attributes=["tag"]))

    assert state.attributes == {"a": 2, "list": ["x"]}


def test_what_is_deleted_and_set_in_one_batch_is_set() -> None:
    state = empty()
    update(state, said(attributes={"a": 1}, deleted_attributes=["a"]))

    assert state.attributes == {"a": 1}


def test_a_late_batch_fills_in_and_overwrites_nothing() -> None:
    state = empty()
    email, other = IdentityType.EMAIL, IdentityType.OTHER
    assert not update(state, said(200, attributes={"a": "new"}, identities={email: "new@x"}))
    earlier = THEN - timedelta(days=1)
    late = said(
        150,
        first_at=earlier,
        last_at=earlier,
        attributes={"a": "old", "b": "old"},
        deleted_attributes=["a"],
        identities={email: "old@x", other: "o"},
    )

    assert update(state, late)
    assert state.attributes == {"a": "new", "b": "old"}
    assert state.identities == {"email": "new@x", "other": "o"}
    assert (state.last_seq, state.late_count) == (200, 1)
    assert (state.first_seen_at, state.last_seen_at) == (earlier, THEN)


def test_an_identity_has_the_time_at_which_the_person_got_its_value() -> None:
    state = empty()
    email, stamp = IdentityType.EMAIL, IdentityType.DEVICE_APPLICATION_STAMP
    for seq, value in ((101, "a@x"), (102, "a@x"), (103, "b@x"), (104, "b@x")):
        at = THEN + timedelta(seconds=seq)
        update(state, said(seq, first_at=at, last_at=at, identities={email: value, stamp: "d"}))

    assert state.identity_times == {"email": clock.milliseconds(THEN) + 103_000}


def test_devices_are_known_by_their_stamp_and_keep_what_is_told() -> None:
    state = empty()
    stamp, idfv = IdentityType.DEVICE_APPLICATION_STAMP, IdentityType.IOS_IDFV
    info = {"device_info": {"platform": "iOS", "os_version": "17", "cpu_architecture": "arm64"}}
    update(state, said(identities={stamp: "d-1", idfv: "V"}, envelope=info))
    update(state, said(102, identities={stamp: "d-1"}, envelope={"device_info": {"os_version": "18"}}))

    device = state.devices["d-1"]
    assert (device["platform"], device["os_version"], device["ios_idfv"]) == ("iOS", "18", "V")
    assert "cpu_architecture" not in device
    assert state.identities == {}


def test_a_device_without_stamp_goes_by_its_first_identity() -> None:
    assert device_key({IdentityType.ANDROID_UUID: "a"}) == "android_uuid:a"
    assert device_key({IdentityType.EMAIL: "e"}) is None


def test_only_the_newest_devices_are_kept() -> None:
    state = empty()
    for number in range(DEVICES_MOST + 5):
        at = THEN + timedelta(minutes=number)
        stamp = {IdentityType.DEVICE_APPLICATION_STAMP: f"d-{number}"}
        update(state, said(101 + number, identities=stamp, first_at=at, last_at=at))

    assert len(state.devices) == DEVICES_MOST
    assert "d-4" not in state.devices
    assert f"d-{DEVICES_MOST + 4}" in state.devices


def test_consent_is_kept_for_each_purpose() -> None:
    state = empty()
    yes, no = {"consented": True}, {"consented": False}
    update(state, said(envelope={"consent_state": {"gdpr": {"ads": yes, "mail": yes}}}))
    update(state, said(102, envelope={"consent_state": {"gdpr": {"ads": no, "mail": None}, "ccpa": {"sale": no}}}))

    assert state.consent == {"gdpr": {"ads": no}, "ccpa": {"sale": no}}


def test_a_late_batch_does_not_bring_back_what_was_deleted() -> None:
    state = empty()
    update(state, said(110, attributes={"a": 1}))
    update(state, said(200, deleted_attributes=["a"]))
    assert update(state, said(150, attributes={"a": "old", "b": "old"}))
    assert state.attributes == {"b": "old"}

    update(state, said(210, attributes={"a": "new"}))
    assert state.attributes["a"] == "new"
    assert state.forgotten == {}


def test_a_late_batch_does_not_bring_back_consent_that_was_taken_away() -> None:
    state = empty()
    yes = {"consented": True}
    update(state, said(110, envelope={"consent_state": {"gdpr": {"ads": yes, "mail": yes}}}))
    update(state, said(200, envelope={"consent_state": {"gdpr": {"ads": None}}}))
    update(state, said(150, envelope={"consent_state": {"gdpr": {"ads": yes, "calls": yes}}}, attributes={"ads": 1}))

    assert state.consent == {"gdpr": {"mail": yes, "calls": yes}}
    assert state.attributes == {"ads": 1}
