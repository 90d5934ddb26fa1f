"""MPIDs that clients name and nobody has: so many a minute become people, the rest is put aside and not lost."""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

import pytest
from pytest_django import Settings

from cdp_project.kernel import clock
from events.pipeline import Chunk, apply, load_steps
from events.processing.runner import Runner
from identity import client_mpids
from tests import factories
from tests.shop import Shop, batch, custom_event

MOST = 3
REASON = "too_many_client_mpids"


@pytest.fixture(autouse=True)
def _few(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A small bound, counted from nothing, in one minute."""
    settings.CDP_CLIENT_MPIDS_PER_MINUTE = MOST
    monkeypatch.setattr(client_mpids, "counts", client_mpids.MinuteCounts())
    # A minute ago: numbers of acceptance never go back, and later tests would get those of a later second.
    with clock.frozen((clock.now() - timedelta(minutes=1)).replace(second=30)):
        yield


def name_people(shop: Shop, *mpids: int) -> None:
    shop.process(*(batch(custom_event(), mpid=mpid, customer=f"u-{mpid}") for mpid in mpids))


def mpids(shop: Shop) -> list[int]:
    return sorted(profile["mpid"] for profile in shop.profiles())


def test_those_beyond_the_bound_are_quarantined_whole(shop: Shop) -> None:
    name_people(shop, 11, 12, 13, 14, 15)

    assert mpids(shop) == [11, 12, 13]
    assert sorted(event["mpid"] for event in shop.events()) == [11, 12, 13]
    assert [row["reason"] for row in shop.rows("quarantine")] == [REASON] * 2
    assert shop.outcomes() == {"stored": 3, REASON: 2}
    assert shop.counts("client_mpid") == {"": 3}
    assert shop.linked(14) == shop.linked(15) == []


def test_all_batches_of_a_refused_person_are_put_aside(shop: Shop) -> None:
    for mpid in (11, 12, 13, 14, 14):
        shop.post(batch(custom_event(), mpid=mpid))
    shop.post(batch(custom_event(), mpid=14, customer="u-14"))
    shop.drain()

    assert mpids(shop) == [11, 12, 13]
    assert len(shop.rows("quarantine")) == 3


def test_people_who_exist_and_people_without_mpid_are_not_counted(shop: Shop) -> None:
    name_people(shop, 11, 12, 13)
    name_people(shop, 11, 12, 13)
    shop.process(batch(custom_event(), customer="new"), batch(custom_event(), customer="u-11"))

    assert len(shop.events()) == 8
    assert shop.rows("quarantine") == []


def test_the_next_minute_begins_anew(shop: Shop) -> None:
    name_people(shop, 11, 12, 13, 14)
    with clock.frozen(clock.now() + timedelta(minutes=1)):
        name_people(shop, 15)

    assert mpids(shop) == [11, 12, 13, 15]


def test_each_input_has_a_bound_of_its_own(shop: Shop) -> None:
    name_people(shop, 11, 12, 13, 14)
    other = Shop(factories.feed(shop.workspace, "Other"), shop.runner)
    name_people(other, 21)

    assert mpids(shop) == [11, 12, 13, 21]


def test_people_who_were_not_stored_after_all_are_not_counted(shop: Shop) -> None:
    @apply
    def fail(_chunk: Chunk) -> None:
        raise OSError("away")

    shop.post(batch(custom_event(), mpid=11))
    for _ in range(MOST + 1):
        broken = Runner([*load_steps(), fail], holder=shop.runner._holder)
        with closing(broken), pytest.raises(OSError, match="away"):
            broken.drain()
    name_people(shop, 12, 13)

    assert mpids(shop) == [11, 12, 13]
