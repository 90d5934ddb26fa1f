"""The pure parts of delivery: parcels, the people's line, retries, lanes shared, what is kept of answers."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from cdp_project.kernel import multirange
from connections.consignment import Consignment
from connections.lane_work import BLOCKED_MOST, LaneWork
from connections.lanes_in_hand import shares
from connections.leases import Work
from connections.models import ItemState
from connections.parcels import SENT, Origin, Parcel, failed, parcels_of, retrying
from connections.payload import OutboxBatch, encode_batch, pack, unpack
from connections.people import People
from connections.progress import progress_of
from connections.redact import HIDDEN, sample, texts_in
from connections.retry import MOST_S, next_try
from connections.verdicts import OUTSIDE_MS, report_hour_ms
from tests.samples import CUSTOM, PURCHASE, forwarded_batch

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
ORIGIN = Origin(0, 2, UUID(int=3), 4, 5, 1, NOW)
HOUR_MS = 3_600_000


def stored(*sizes: int) -> list[OutboxBatch]:
    """Batches of so many events each."""
    return [OutboxBatch(seq, forwarded_batch(*[CUSTOM] * size)) for seq, size in enumerate(sizes)]


def parcel(mpid: int, position: int = 0) -> Parcel:
    batch = forwarded_batch(CUSTOM)
    object.__setattr__(batch, "mpid", mpid)
    return Parcel(ORIGIN, (position,), batch, batch.events)


# --- Payloads and positions ---------------------------------------------------------------------


def test_a_payload_comes_back_as_it_was() -> None:
    batches = [OutboxBatch(9, forwarded_batch(CUSTOM, PURCHASE)), OutboxBatch(10, forwarded_batch())]
    unpacked, size = unpack(pack([encode_batch(batch) for batch in batches]))
    assert unpacked == batches
    assert size > 1000


@pytest.mark.parametrize(
    ("positions", "text"),
    [([], "{}"), ([0], "{[0,1)}"), ([0, 1, 2], "{[0,3)}"), ([0, 2, 3, 7], "{[0,1),[2,4),[7,8)}")],
)
def test_ranges_are_positions_put_shortly(positions: list[int], text: str) -> None:
    assert multirange.text_of(positions) == text


def test_parcels_are_events_of_one_batch_in_order() -> None:
    found = list(parcels_of(ORIGIN, stored(3, 1, 0, 2), None, 2))
    assert [each.positions for each in found] == [(0, 1), (2,), (3,), (4,), (5, 6)]
    assert [len(each.events) for each in found] == [2, 1, 1, 0, 2]


def test_parcels_of_some_positions_only() -> None:
    found = list(parcels_of(ORIGIN, stored(3, 1, 2), frozenset({0, 2, 5}), 10))
    assert [each.positions for each in found] == [(0, 2), (5,)]


def test_what_is_done_leaves_the_others_as_they_were() -> None:
    all_of_them = list(parcels_of(ORIGIN, stored(4, 4), None, 2))
    left = list(parcels_of(ORIGIN, stored(4, 4), None, 2, done=frozenset({0, 1, 4, 5})))
    assert [each.positions for each in left] == [all_of_them[1].positions, all_of_them[3].positions]
    assert left[0].delivery_id == all_of_them[1].delivery_id


def test_ids_differ_by_output_and_not_by_try() -> None:
    here = Parcel(ORIGIN, (0,), forwarded_batch(CUSTOM), (CUSTOM,))
    there = Parcel(Origin(0, 3, UUID(int=3), 4, 5, 1, NOW), (0,), forwarded_batch(CUSTOM), (CUSTOM,))
    assert here.delivery_id == Parcel(ORIGIN, (0,), forwarded_batch(CUSTOM), (CUSTOM,)).delivery_id
    assert here.delivery_id != there.delivery_id


def lane_with(*parcels: Parcel) -> LaneWork:
    """A lane that has claimed a chunk of these parcels."""
    lane = LaneWork(0, 2, People())
    lane.add(Consignment(ORIGIN, len(parcels), None, 0), parcels)
    return lane


# --- People -------------------------------------------------------------------------------------


def test_a_person_never_has_two_parcels_on_the_way() -> None:
    people = People()
    first, second, other = parcel(1, 0), parcel(1, 1), parcel(2, 2)
    for each in (first, second, other):
        people.add(each)
    assert [people.take(), people.take()] == [first, other]
    assert not people.is_ready
    assert people.finish(first)
    assert people.take() is second
    assert not people.finish(second)
    assert not people.finish(other)
    assert people.is_empty


def test_a_retry_holds_back_that_person_only() -> None:
    first, second, other = parcel(1, 0), parcel(1, 1), parcel(2, 2)
    lane = lane_with(first, second, other)
    lane.people.take()
    lane.finish(first, retrying("http_500", NOW))
    assert second.end is not None
    assert second.end.item_state is ItemState.HELD
    assert other.end is None
    assert lane.people.blocked == {1}


def test_a_refusal_does_not_hold_back_anybody() -> None:
    first, second = parcel(1, 0), parcel(1, 1)
    lane = lane_with(first, second)
    lane.finish(lane.people.take(), failed("rejected", "http_400"))
    assert lane.people.take() is second
    assert lane.changed == [first]


def test_what_is_delivered_at_once_needs_no_row() -> None:
    lane = lane_with(parcel(1))
    lane.finish(lane.people.take(), SENT)
    assert lane.changed == []


def test_what_is_delivered_behind_a_hanging_request_is_recorded() -> None:
    hanging, through, last = parcel(1, 0), parcel(2, 1), parcel(3, 4)
    lane = lane_with(hanging, through, last)
    lane.people.take()
    for _ in range(2):
        lane.finish(lane.people.take(), SENT)

    assert progress_of([lane], NOW).advanced == [(ORIGIN, "{[1,2),[4,5)}", False)]
    lane.recorded()
    assert progress_of([lane], NOW).advanced == []
    lane.finish(hanging, SENT)
    assert progress_of([lane], NOW).advanced == [(ORIGIN, "{[0,1)}", True)]


def test_a_lane_with_very_many_people_to_retry_claims_nothing_new() -> None:
    assert LaneWork(0, 2, People(range(BLOCKED_MOST - 1))).may_claim
    assert not LaneWork(0, 2, People(range(BLOCKED_MOST))).may_claim


# --- Retries ------------------------------------------------------------------------------------


def test_pauses_grow_up_to_a_bound() -> None:
    waits = [next_try(n, NOW, NOW, None, draw=lambda: 1.0) for n in range(1, 40)]
    seconds = [(wait - NOW).total_seconds() for wait in waits if wait]
    assert seconds[:4] == [2, 4, 8, 16]
    assert seconds[-1] == MOST_S
    assert seconds == sorted(seconds)


@pytest.mark.parametrize(
    ("after_s", "expected_s"), [(None, 2), (0.0, 2), (1.0, 2), (90.0, 90), (1e9, 6 * 3600), (-5.0, 2)]
)
def test_a_partner_may_ask_for_more_patience(after_s: float | None, expected_s: float) -> None:
    assert next_try(1, NOW, NOW, after_s, draw=lambda: 1.0) == NOW + timedelta(seconds=expected_s)


def test_after_72_hours_there_is_no_next_try() -> None:
    assert next_try(9, NOW - timedelta(hours=71, minutes=59), NOW, None) is not None
    assert next_try(9, NOW - timedelta(hours=72), NOW, None) is None


# --- Counters -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("late_by_hours", "expected_hours_ago"), [(0, 0), (1, 1), (72, 72), (-23, -23), (73, None), (-25, None)]
)
def test_events_are_reported_in_their_own_hour_unless_they_come_too_late(
    late_by_hours: int, expected_hours_ago: int | None
) -> None:
    received = 500_000 * HOUR_MS
    found = report_hour_ms(received - late_by_hours * HOUR_MS, received)
    assert found == (OUTSIDE_MS if expected_hours_ago is None else received - expected_hours_ago * HOUR_MS)


# --- Sharing lanes ------------------------------------------------------------------------------


def work(output: int, buckets: range, taken: range = range(0)) -> list[Work]:
    return [Work((bucket, output), bucket in taken, True, False) for bucket in buckets]


def test_one_process_takes_all_lanes() -> None:
    wanted, leaving = shares(work(1, range(16)), [], 1)
    assert len(wanted) == 16
    assert leaving == set()


def test_each_process_takes_its_part_of_every_output() -> None:
    wanted, _ = shares(work(1, range(16)) + work(2, range(3)), [], 2)
    assert len([key for key in wanted if key[1] == 1]) == 8
    assert len([key for key in wanted if key[1] == 2]) == 2


def test_a_process_that_has_more_than_its_part_leaves_some() -> None:
    held = [(bucket, 1) for bucket in range(16)]
    wanted, leaving = shares(work(1, range(16)), held, 2)
    assert wanted == []
    assert len(leaving) == 8


def test_lanes_of_others_are_not_wanted() -> None:
    wanted, _ = shares(work(1, range(4), taken=range(2)), [], 1)
    assert wanted == [(2, 1), (3, 1)]


# --- What is kept of answers --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"plain", "plain"),
        (b"token canary-token!", "token [hidden]!"),
        (b"auth Bearer canary-token", "auth [hidden]"),
        (b"mail to ann.smith+x@mail.example.com now", "mail to [hidden] now"),
        (b"\xff\x00", "\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}"),
        (b"x" * 10_000, "x" * 500),
    ],
)
def test_samples_are_short_and_hide_what_is_secret(body: bytes, expected: str) -> None:
    assert sample(body, ["Bearer canary-token", "abc", ""]) == expected


def test_a_secret_that_json_spells_otherwise_is_hidden() -> None:
    assert sample(rb'{"name": "Zo\u00eb \"Z\""}', ['Zoë "Z"']) == '{"name": "[hidden]"}'


def test_texts_are_found_wherever_they_stand() -> None:
    value = {"name": "Ann", "tags": ["a", {"phone": 41791234567}], "vip": True, "none": None, "x": [1.5, 3.0]}
    assert sorted(texts_in(value)) == ["1.5", "3", "41791234567", "Ann", "a"]
    assert texts_in(None) == []


def test_a_secret_across_the_cut_is_hidden() -> None:
    assert "canary" not in sample(b"x" * 490 + b"canary-token-of-length", ["canary-token-of-length"])


@pytest.mark.parametrize(
    ("before", "after"),
    [("", ""), ('{"error": "no ', '"}'), ("x" * 490, ""), ("x" * 3900, ""), ("", " is too long" * 400)],
)
def test_nothing_of_a_long_text_shows(before: str, after: str) -> None:
    text = "".join(f"canary{number:03}" for number in range(100))
    hidden = sample(f"{before}{text}{after}".encode(), [], [text])
    assert "canary" not in hidden
    assert hidden.startswith((before + HIDDEN)[:500])


def test_names_are_hidden_as_words_however_short_they_are() -> None:
    assert sample(b"no u7, u77 or '7'", ["u7", "7"]) == "no [hidden], u77 or '[hidden]'"


@pytest.mark.parametrize(
    "body",
    [rb'"Zo\u00eb\/Ann"', rb'{"got": "{\"name\": \"Zo\\u00eb\\/Ann\"}"}', r"C:\new Zoë/Ann".encode()],
)
def test_a_text_is_hidden_however_often_it_was_escaped(body: bytes) -> None:
    found = sample(body, [], ["Zoë/Ann", "C:\\new"])
    assert HIDDEN in found
    assert "Zo" not in found
    assert "new" not in found


def test_halves_of_characters_and_nul_are_kept_by_no_column() -> None:
    found = sample(rb"\ud83d\ude00 \ud83d \u0000 \\", [])
    assert found == "\N{GRINNING FACE} \N{REPLACEMENT CHARACTER} \N{REPLACEMENT CHARACTER} \\"


def test_an_empty_answer_is_compared_with_nothing() -> None:
    told = iter(["Ann"])
    assert sample(b"", [], told) == ""
    assert list(told) == ["Ann"]


def test_one_long_word_is_read_once() -> None:
    read = "from connections.redact import EMAIL; assert not EMAIL.search('x' * 1_000_000)"
    subprocess.run([sys.executable, "-c", read], check=True, timeout=60)
