"""Who is chosen, and what they get: the decision without a database (reference 2.2.6)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from unittest import mock
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp_project.workspaces.environment import Environment
from events.batch import Batch
from events.configuration import InputConfig
from events.identity_types import LOOKUP_ORDER, IdentityType
from events.pipeline import Accepted, Context
from identity import matching
from identity.holdings import Holdings, Links
from identity.keys import PersonKey, identity_key
from identity.matching import Ask, Decision
from identity.resolve import HOLDERS_MOST, LOGIN_TYPES, Holder, belongs, choose_mpid, needs_link

CUSTOMER, EMAIL, OTHER = IdentityType.CUSTOMER_ID, IdentityType.EMAIL, IdentityType.OTHER
STAMP, ADVERTISING = IdentityType.DEVICE_APPLICATION_STAMP, IdentityType.ANDROID_ADVERTISING_ID
THEN = datetime(2030, 1, 1, tzinfo=UTC)


Holders = dict[IdentityType, list[Holder]]


def choose(holders: Holders) -> int | None:
    return choose_mpid(holders, holders.__getitem__)


def known(mpid: int) -> Holder:
    return Holder(mpid, is_known=True, linked_at=THEN)


def anonymous(mpid: int, *, days: int = 0) -> Holder:
    return Holder(mpid, is_known=False, linked_at=THEN + timedelta(days=days))


@pytest.mark.parametrize(
    ("holders", "expected"),
    [
        ({}, None),
        ({CUSTOMER: [known(1)], STAMP: [known(2)]}, 1),
        ({CUSTOMER: [], STAMP: [anonymous(2)], EMAIL: [anonymous(3)]}, 2),
        ({EMAIL: [anonymous(3)], ADVERTISING: [anonymous(4)]}, 3),
        # Login-ID protection: the device alone does not lead to somebody who is known.
        ({STAMP: [known(1)]}, None),
        ({STAMP: [known(1), anonymous(2)]}, 2),
        ({STAMP: [known(1)], EMAIL: [anonymous(3)]}, 3),
        ({CUSTOMER: [known(1)], STAMP: [known(1), anonymous(2)]}, 1),
    ],
)
def test_the_first_type_with_somebody_who_may_be_returned_decides(holders: Holders, expected: int | None) -> None:
    assert choose(holders) == expected


@pytest.mark.parametrize(("kind", "expected"), [(OTHER, 1), (ADVERTISING, 2)])
def test_several_matches_are_narrowed_down_by_the_next_types(kind: IdentityType, expected: int) -> None:
    two = [anonymous(1), anonymous(2)]
    assert choose({EMAIL: two, kind: [anonymous(expected)]}) == expected


def test_a_tie_goes_to_the_latest_link_and_then_to_the_lowest_mpid() -> None:
    assert choose({EMAIL: [anonymous(1), anonymous(2, days=1)]}) == 2
    assert choose({EMAIL: [anonymous(5), anonymous(3), anonymous(4)]}) == 3


def test_the_order_names_every_type_once() -> None:
    assert sorted(LOOKUP_ORDER) == sorted(IdentityType)
    assert LOOKUP_ORDER[:2] == (CUSTOMER, STAMP)


def test_a_customer_id_stays_with_its_owner() -> None:
    assert not belongs(CUSTOMER, 1, [2], is_known=False)
    assert belongs(CUSTOMER, 1, [], is_known=False)
    assert belongs(CUSTOMER, 1, [1], is_known=True)
    assert belongs(EMAIL, 1, [2], is_known=True)


def test_a_known_person_gets_no_second_customer_id() -> None:
    assert not needs_link(CUSTOMER, 1, [], is_known=True)
    assert needs_link(CUSTOMER, 1, [], is_known=False)


def test_a_value_that_everybody_has_gets_no_more_links() -> None:
    assert needs_link(EMAIL, 999, range(HOLDERS_MOST - 1), is_known=True)
    assert not needs_link(EMAIL, 999, range(HOLDERS_MOST), is_known=True)


_people = st.builds(
    Holder, st.integers(1, 6), st.booleans(), st.integers(0, 3).map(lambda days: THEN + timedelta(days=days))
)


@given(st.dictionaries(st.sampled_from(LOOKUP_ORDER), st.lists(_people, max_size=4), max_size=5))
def test_nobody_known_is_ever_returned_without_their_login(holders: Holders) -> None:
    chosen = choose(holders)
    everybody = [each for group in holders.values() for each in group]
    owners = {each.mpid for each in holders.get(CUSTOMER, ())}
    allowed = {each.mpid for each in everybody if not each.is_known} | owners
    assert chosen is None or chosen in allowed
    assert (chosen is None) == (not allowed)


NAMES = ["a", "b"]
KINDS = [IdentityType.CUSTOMER_ID, IdentityType.EMAIL, IdentityType.DEVICE_APPLICATION_STAMP]


@given(
    st.dictionaries(st.tuples(st.sampled_from(KINDS), st.sampled_from(NAMES)), st.sets(st.integers(1, 2), max_size=2)),
    st.dictionaries(st.sampled_from(KINDS), st.sampled_from(NAMES)),
)
def test_the_short_way_decides_as_the_long_one(
    held: dict[tuple[IdentityType, str], set[int]], named: dict[IdentityType, str]
) -> None:
    def decided(way: Callable[[Ask, Holdings], Decision | None]) -> Decision | None:
        links: Links = {
            identity_key(1, Environment.PRODUCTION, kind, name): dict.fromkeys(people, THEN)
            for (kind, name), people in held.items()
            if people
        }
        customers = {mpid for (kind, _), people in held.items() if kind in LOGIN_TYPES for mpid in people}
        known = {PersonKey(1, 1, mpid): mpid in customers for mpid in (1, 2)}
        with mock.patch.object(matching, "_undisputed", way):
            return matching.decide(asked(named), Holdings(links, known), lambda: 99)

    assert decided(matching._undisputed) == decided(lambda _each, _holdings: None)


def asked(named: dict[IdentityType, str]) -> Ask:
    """A batch with these identities."""
    batch = Batch(Environment.PRODUCTION, identities=named)
    source = InputConfig(1, 1, 1, "feed", None, "Server", "create_update", True, 1)
    row = Accepted(0, 1, UUID(int=1), 1, 1, Environment.PRODUCTION, "mparticle", False, THEN, 0, 0, b"")
    return matching.ask(Context(row, source, batch, []))
