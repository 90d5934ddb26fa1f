"""Decide who is behind a batch, and which of its identities the person gets. Reads nothing, writes nothing.

This is the default strategy: the customer id is the one login identity, and it is unique (reference 2.3).
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from events.identity_types import LOOKUP_ORDER, IdentityType

_RANKS = {kind: place for place, kind in enumerate(LOOKUP_ORDER)}

LOGIN_TYPES = frozenset({IdentityType.CUSTOMER_ID})
"""Who holds a value of these is known, and is returned only to a batch that names one of their values."""

UNIQUE_TYPES = frozenset({IdentityType.CUSTOMER_ID})
"""A value of these belongs to one person."""

# A value that so many people hold identifies nobody (a test device, an office phone); no more links are made.
HOLDERS_MOST = 50


@dataclass(frozen=True, slots=True)
class Holder:
    """A person who has an identity value."""

    mpid: int
    is_known: bool
    linked_at: datetime


HoldersOf = Callable[[IdentityType], Sequence[Holder]]
"""Who holds the batch's value of a type."""


def choose_mpid(kinds: Iterable[IdentityType], holders_of: HoldersOf) -> int | None:
    """The person that identities of these types stand for; None when there is nobody who may be returned.

    Reference 2.2.6: the first type with a match decides, further types narrow several matches down; a known
    person is returned only when the batch names one of their login identities.
    """
    ordered = sorted(kinds, key=_RANKS.__getitem__)
    named = {holder.mpid for kind in ordered if kind in LOGIN_TYPES for holder in holders_of(kind)}
    for place, kind in enumerate(ordered):
        allowed = [each for each in holders_of(kind) if not each.is_known or each.mpid in named]
        if allowed:
            return _narrow(allowed, ordered[place + 1 :], holders_of)
    return None


def _narrow(candidates: list[Holder], kinds: Iterable[IdentityType], holders_of: HoldersOf) -> int:
    for kind in kinds:
        if len(candidates) == 1:
            break
        also = {holder.mpid for holder in holders_of(kind)}
        candidates = [each for each in candidates if each.mpid in also] or candidates
    # Nothing tells them apart any more: the latest to have got the identity, then the lowest MPID.
    return min(candidates, key=lambda each: (-each.linked_at.timestamp(), each.mpid)).mpid


def belongs(kind: IdentityType, mpid: int, holders: Collection[int], *, is_known: bool) -> bool:
    """Whether a value in a batch of this person may count as theirs.

    A unique value stays with its owner, and a person who has one login identity gets no second by mere mention.
    """
    if kind not in UNIQUE_TYPES or mpid in holders:
        return True
    return not holders and not is_known


def needs_link(kind: IdentityType, mpid: int, holders: Collection[int], *, is_known: bool) -> bool:
    """Whether the value has to be linked to the person now."""
    if mpid in holders or len(holders) >= HOLDERS_MOST:
        return False
    return belongs(kind, mpid, holders, is_known=is_known)
