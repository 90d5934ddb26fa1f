"""Resolve the batches of a chunk one after the other: what an earlier one links counts for later ones. In memory."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from events.identity_types import IdentityType
from events.models import Protection
from events.pipeline import Context
from identity.holdings import Holdings
from identity.keys import IdentityKey, PersonKey, identity_key, mpid_key
from identity.resolve import LOGIN_TYPES, belongs, choose_mpid, needs_link


@dataclass(frozen=True, slots=True)
class Ask:
    """A batch that needs a person, with the keys of its identities."""

    context: Context
    keys: Mapping[IdentityType, IdentityKey]

    @property
    def named(self) -> PersonKey | None:
        """The person that the client itself named by MPID."""
        batch = self.context.batch
        return None if batch.mpid is None else self.person(batch.mpid)

    def lock_values(self) -> "LockValues":
        """What has to be locked before anything is made or linked for the batch, with the values."""
        identities = self.context.batch.identities
        values = {key: identities[kind] for kind, key in self.keys.items()}
        return values if self.named is None else values | {mpid_key(self.named): str(self.named.mpid)}

    def person(self, mpid: int) -> PersonKey:
        """A person in the scope and environment of the batch."""
        return PersonKey(self.context.input.scope_id, int(self.context.accepted.environment), mpid)


@dataclass(frozen=True, slots=True)
class Decision:
    """Who is behind a batch. `links` are the identities that the person gets now, `kept` all that count as theirs."""

    mpid: int
    is_new: bool
    is_known: bool
    links: tuple[IdentityType, ...]
    kept: tuple[IdentityType, ...]

    @property
    def changes(self) -> bool:
        """It can only stand when the rows of the batch's identities are locked."""
        return self.is_new or bool(self.links)

    @property
    def logs_in(self) -> bool:
        """The person gets a login identity, and must not get another one at the same moment."""
        return any(kind in LOGIN_TYPES for kind in self.links)


Decisions = list[Decision | None]

LockValues = dict[IdentityKey, str]
"""Rows of `identity_key` to lock, with the values that they stand for."""


def ask(context: Context) -> Ask:
    """What has to be looked up for a batch."""
    scope_id, environment = context.input.scope_id, context.accepted.environment
    identities = context.batch.identities
    return Ask(context, {kind: identity_key(scope_id, environment, kind, value) for kind, value in identities.items()})


def people_to_look_at(asks: Iterable[Ask], holdings: Holdings) -> set[PersonKey]:
    """People of whom it matters whether they exist and are known; a matched login identity says it already."""
    wanted: set[PersonKey] = set()
    for each in asks:
        if each.named is not None:
            wanted.add(each.named)
        elif not any(holdings.mpids(each.keys[kind]) for kind in LOGIN_TYPES if kind in each.keys):
            wanted |= holdings.people(each.keys.values())
    return wanted


def decide_all(asks: Iterable[Ask], holdings: Holdings, mint: Callable[[], int]) -> tuple[Decisions, LockValues]:
    """Who is behind each batch, and what has to be locked so that it can stand."""
    decisions: Decisions = []
    wanted: LockValues = {}
    # Nobody else can reach who is made here.
    made: set[PersonKey] = set()
    for each in asks:
        decision = decide(each, holdings, mint)
        decisions.append(decision)
        if decision is not None and decision.changes:
            person = each.person(decision.mpid)
            if decision.is_new:
                made.add(person)
            elif decision.logs_in and person not in made:
                wanted[mpid_key(person)] = str(person.mpid)
            wanted |= each.lock_values()
    return decisions, wanted


def decide(each: Ask, holdings: Holdings, mint: Callable[[], int]) -> Decision | None:
    """Who it is, noted in `holdings`; None when the input may not create the person that it would take."""
    if (owner := _undisputed(each, holdings)) is not None:
        return owner
    protection = each.context.input.protection
    mpid, is_new = _find(each, holdings)
    if is_new and protection != Protection.CREATE_UPDATE:
        return None
    mpid = mint() if mpid is None else mpid
    decision = _with_identities(each, holdings, mpid, is_new=is_new, may_link=protection != Protection.READ_ONLY)
    holdings.known[each.person(mpid)] = decision.is_known
    for kind in decision.links:
        holdings.add(each.keys[kind], mpid, each.context.accepted.received_at)
    return decision


def _undisputed(each: Ask, holdings: Holdings) -> Decision | None:
    """The short way for most batches: one person alone holds all of these values, among them a login identity."""
    if each.named is not None or LOGIN_TYPES.isdisjoint(each.keys):
        return None
    first: Mapping[int, datetime] | None = None
    for key in each.keys.values():
        holders = holdings.mpids(key)
        if len(holders) != 1 or (first is not None and holders.keys() != first.keys()):
            return None
        first = holders
    if first is None:
        return None
    mpid = next(iter(first))
    holdings.known[each.person(mpid)] = True
    return Decision(mpid, False, True, (), tuple(each.keys))


def _find(each: Ask, holdings: Holdings) -> tuple[int | None, bool]:
    """The MPID if there is one yet, and whether the person is new. Reference: Events API 2.1.3, `mpid`."""
    if each.named is not None:
        return each.named.mpid, each.named not in holdings.known
    mpid = choose_mpid(each.keys, lambda kind: holdings.holders(each.keys[kind]))
    return mpid, mpid is None


def _with_identities(each: Ask, holdings: Holdings, mpid: int, *, is_new: bool, may_link: bool) -> Decision:
    is_known = holdings.known.get(each.person(mpid), False) or _named_by_login(each, holdings, mpid)
    kept, links = [], []
    for kind, key in each.keys.items():
        holders = holdings.mpids(key)
        if belongs(kind, mpid, holders, is_known=is_known):
            kept.append(kind)
            if may_link and needs_link(kind, mpid, holders, is_known=is_known):
                links.append(kind)
    becomes_known = is_known or any(kind in LOGIN_TYPES for kind in links)
    return Decision(mpid, is_new, becomes_known, tuple(links), tuple(kept))


def _named_by_login(each: Ask, holdings: Holdings, mpid: int) -> bool:
    return any(mpid in holdings.mpids(each.keys[kind]) for kind in LOGIN_TYPES if kind in each.keys)
