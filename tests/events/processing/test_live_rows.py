"""What open pages are told of a chunk: every event's end, true counts, a sample; and nothing that does not stand."""

from collections.abc import Mapping, Sequence
from contextlib import closing

import pytest

from cdp_project.kernel.live import SAMPLE_MOST, publisher
from cdp_project.workspaces import configuration
from cdp_project.workspaces.environment import Environment
from events.models import Input, Protection
from events.pipeline import Chunk, apply, load_steps
from events.processing.runner import Runner
from events.reasons import REASONS
from tests.shop import Shop, batch, custom_event

Row = Mapping[str, str]


class Frames(list[tuple[str, Sequence[Row], Mapping[str, int]]]):
    """What is handed to open pages."""

    def rows(self) -> list[Row]:
        return [row for _, rows, _ in self for row in rows]

    def total(self, kind: str) -> int:
        return sum(counts[kind] for _, _, counts in self)


@pytest.fixture
def frames(monkeypatch: pytest.MonkeyPatch) -> Frames:
    found = Frames()
    monkeypatch.setattr(publisher, "add", lambda *frame: found.append(frame))
    return found


def test_open_pages_see_stored_events(shop: Shop, frames: Frames) -> None:
    hostile = "<script>alert(1)</script>"
    shop.process(batch(custom_event(hostile), customer="u-1"))

    ((group, (row,), counts),) = frames
    (event,) = shop.events()
    assert group == f"ws.{shop.workspace.pk}.production.feed"
    assert counts == {"stored": 1, "stopped": 0}
    assert row == {
        "t": event["received_at"].isoformat(),
        "input": "Server",
        "type": "custom_event",
        "name": hostile,
        "mpid": str(event["mpid"]),
        "event_id": str(event["event_id"]),
        "state": "stored",
        "reason": "",
        "why": "",
    }


def test_a_batch_that_was_seen_before_is_shown_as_duplicate(shop: Shop, frames: Frames) -> None:
    sent = batch(custom_event("Once"), custom_event("Twice"), customer="u-1", source_request_id="r-1")
    shop.process(sent, sent)

    assert (frames.total("stored"), frames.total("stopped")) == (2, 2)
    assert [(row["name"], row["state"], row["reason"]) for row in frames.rows()] == [
        ("Once", "stored", ""),
        ("Twice", "stored", ""),
        ("Once", "dropped", "duplicate"),
        ("Twice", "dropped", "duplicate"),
    ]
    last = frames.rows()[-1]
    assert (last["why"], last["mpid"], last["event_id"]) == (REASONS["duplicate"], "", "")


def test_one_event_that_was_seen_before_is_told_from_its_neighbour(shop: Shop, frames: Frames) -> None:
    shop.process(batch(custom_event("Old", source_message_id="m-1"), customer="u-1"))
    shop.process(batch(custom_event("Old", source_message_id="m-1"), custom_event("New"), customer="u-1"))

    assert [(row["name"], row["state"]) for row in frames.rows()] == [
        ("Old", "stored"),
        ("Old", "dropped"),
        ("New", "stored"),
    ]
    # The person is known, though the event is not theirs a second time.
    assert frames.rows()[1]["mpid"] == frames.rows()[2]["mpid"] != ""
    assert frames.rows()[1]["event_id"] == ""
    assert (frames.total("stored"), frames.total("stopped")) == (2, 1)


def test_an_unknown_person_of_a_guarded_input_is_shown_as_dropped(shop: Shop, frames: Frames) -> None:
    Input.objects.filter(pk=shop.source.pk).update(protection=Protection.UPDATE_ONLY)
    shop.process(batch(custom_event(), customer="nobody"))

    (row,) = frames.rows()
    assert (row["state"], row["reason"], row["mpid"]) == ("dropped", "person_unknown", "")


def test_a_batch_that_cannot_be_read_is_one_row_with_why(shop: Shop, frames: Frames) -> None:
    shop.post([batch(custom_event("Good"), customer="u-1"), {"events": 7}], "v2/bulkevents")
    shop.drain()

    (bad,) = [row for row in frames.rows() if row["state"] == "quarantined"]
    assert (bad["input"], bad["type"], bad["name"], bad["mpid"]) == ("Server", "", "", "")
    assert bad["reason"] == "malformed"
    assert bad["why"].startswith(REASONS["malformed"])
    assert [row["name"] for row in frames.rows() if row["state"] == "stored"] == ["Good"]
    (quarantined,) = shop.rows("quarantine")
    assert frames.total("stopped") == max(quarantined["event_count"], 1)


def test_a_batch_of_a_deleted_input_is_shown_without_its_name(shop: Shop, frames: Frames) -> None:
    shop.process(batch(custom_event("Before"), customer="u-1"))
    shop.post(batch(custom_event("After"), customer="u-1"))
    Input.objects.all().delete()
    configuration.changed(shop.workspace)
    with closing(Runner()) as fresh:
        fresh.drain()

    last = frames.rows()[-1]
    assert (last["input"], last["state"], last["reason"]) == ("", "quarantined", "input_deleted")


def test_poison_is_shown_when_it_was_put_aside(shop: Shop, frames: Frames) -> None:
    @apply
    def choke(chunk: Chunk) -> None:
        if any(context.batch.identities and "poison" in context.batch.identities.values() for context in chunk.open()):
            raise ZeroDivisionError

    shop.post(batch(custom_event("Good"), customer="u-1"))
    shop.post(batch(custom_event("Bad"), customer="poison"))
    with closing(Runner([*load_steps(), choke])) as runner:
        runner.drain()

    states = sorted((row["state"], row["reason"]) for row in frames.rows())
    assert states == [("quarantined", "poison"), ("stored", "")]
    assert (frames.total("stored"), frames.total("stopped")) == (1, 1)


def test_counts_are_those_of_the_books(shop: Shop, frames: Frames) -> None:
    for number in range(40):
        sent = batch(*(custom_event() for _ in range(number % 4)), customer=f"u-{number}")
        shop.post(sent | {"source_request_id": f"r-{number % 25}"})
    shop.drain()

    outcomes = shop.outcomes()
    assert frames.total("stored") == outcomes.pop("stored") == len(shop.events())
    assert frames.total("stopped") == sum(outcomes.values()) > 0


def test_pages_get_a_sample_and_the_true_count(shop: Shop, frames: Frames) -> None:
    for _ in range(30):
        shop.post(batch(*(custom_event() for _ in range(10)), customer="u-1"))
    # Batches without events come last, and must not crowd out those that have some.
    for _ in range(SAMPLE_MOST + 5):
        shop.post(batch(customer="u-1", user_attributes={"a": 1}))
    shop.drain()

    assert frames.total("stored") == 300
    assert all(0 < len(rows) <= SAMPLE_MOST for _, rows, _ in frames if rows)
    assert any(len(rows) == SAMPLE_MOST for _, rows, _ in frames)


def test_each_environment_hears_of_its_own_only(shop: Shop, frames: Frames) -> None:
    shop.process(
        batch(custom_event("Live"), customer="u-1"),
        batch(custom_event("Try"), customer="u-1", environment="development"),
    )

    heard = {group: [row["name"] for row in rows] for group, rows, _ in frames}
    assert heard == {
        f"ws.{shop.workspace.pk}.{Environment.PRODUCTION.word}.feed": ["Live"],
        f"ws.{shop.workspace.pk}.{Environment.DEVELOPMENT.word}.feed": ["Try"],
    }


def test_pages_see_nothing_that_was_not_committed(shop: Shop, frames: Frames) -> None:
    @apply
    def fail(_chunk: Chunk) -> None:
        raise OSError("away")

    shop.post(batch(custom_event(), customer="u-1"))
    with closing(Runner([*load_steps(), fail])) as broken, pytest.raises(OSError, match="away"):
        broken.drain()

    assert frames == []
    assert shop.events() == []
