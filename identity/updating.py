"""Bring the profiles of a chunk up to date, and hand every batch the person as they are after it."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from cdp_project.kernel.buckets import bucket_of_mpid
from cdp_project.kernel.database import TryAgain
from events.identity_types import identity_type
from events.metrics import LATE
from events.models import Protection
from events.pipeline import Chunk, Context, Person
from identity import profiles
from identity.consent_changes import consent_changes
from identity.person_numbers import person_numbers
from identity.profile import ProfileState, Said, update
from identity.profiles import CLIENT, RESOLVED, ProfileKey, Profiles


@dataclass(frozen=True, slots=True)
class Visit:
    """A batch at its person's profile."""

    key: ProfileKey
    context: Context
    person: Person
    said: Said

    @property
    def writes(self) -> bool:
        """The input may change profiles."""
        return self.context.input.protection != Protection.READ_ONLY

    @property
    def made_by_client(self) -> bool:
        """The person exists because the batch named an MPID that nobody had."""
        return self.person.is_new and self.context.batch.mpid is not None


def update_all(chunk: Chunk) -> None:
    """Read, change and write the profiles of all open contexts. Within the transaction."""
    visits = [_visit(context, context.person) for context in chunk.open() if context.person is not None]
    found = profiles.read(chunk.transaction, {visit.key for visit in visits}, lock=True)
    _refuse_taken_mpids(visits, found)
    made = _empty_profiles(visits, found)
    _apply(chunk, visits, found | made)
    if made.keys() - profiles.make(chunk.transaction, made):
        # To lock them now would be out of order: others may hold them and wait for ours.
        raise TryAgain("Another process made a profile of the same person.")
    written = {visit.key: found[visit.key] for visit in visits if visit.writes and visit.key in found}
    profiles.write_back(chunk.transaction, written)


def _visit(context: Context, person: Person) -> Visit:
    accepted, batch, scope_id = context.accepted, context.batch, context.input.scope_id
    key = ProfileKey(
        bucket_of_mpid(person.mpid), scope_id, accepted.workspace_id, int(accepted.environment), person.mpid
    )
    first_at, last_at = _seen(context)
    said = Said(
        accept_seq=accepted.accept_seq,
        first_at=first_at,
        last_at=last_at,
        is_known=person.is_known,
        identities=person.identities,
        attributes=batch.user_attributes,
        deleted_attributes=batch.deleted_user_attributes,
        envelope=batch.envelope,
    )
    return Visit(key, context, person, said)


def _seen(context: Context) -> tuple[datetime, datetime]:
    """From when to when the batch saw its person: at its reception, or when the history that it tells happened."""
    if not context.accepted.is_historical:
        return context.accepted.received_at, context.accepted.received_at
    times = [item.occurred_at for item in context.items]
    return min(times), max(times)


def _refuse_taken_mpids(visits: list[Visit], found: Profiles) -> None:
    """A minted MPID that somebody has already: once in a long life, and then two strangers would become one."""
    if any(visit.person.is_new and not visit.made_by_client and visit.key in found for visit in visits):
        raise TryAgain("A new MPID is taken already.")


def _empty_profiles(visits: list[Visit], found: Profiles) -> Profiles:
    """Profiles for those who have none yet, by their first batch, numbered."""
    first: dict[ProfileKey, Visit] = {}
    for visit in visits:
        if visit.writes and visit.key not in found:
            first.setdefault(visit.key, visit)
    by_world: dict[tuple[int, int], list[ProfileKey]] = defaultdict(list)
    for key in first:
        by_world[key.workspace_id, key.environment].append(key)
    made: Profiles = {}
    for world, keys in by_world.items():
        for key, number in zip(keys, person_numbers.take(*world, len(keys)), strict=True):
            made[key] = _empty(first[key], number)
    return made


def _empty(visit: Visit, person_no: int) -> ProfileState:
    said = visit.said
    return ProfileState(
        person_no=person_no,
        origin=CLIENT if visit.made_by_client else RESOLVED,
        is_known=False,
        first_seen_at=said.first_at,
        last_seen_at=said.last_at,
        last_seq=said.accept_seq,
    )


def _apply(chunk: Chunk, visits: list[Visit], states: Profiles) -> None:
    for visit in visits:
        # Missing only for an input that must not make a profile, in a workspace where a shared person has none.
        if (state := states.get(visit.key)) is not None:
            before = {regulation: dict(records) for regulation, records in state.consent.items()}
            if visit.writes and update(state, visit.said):
                chunk.count(visit.context, LATE)
            _fill(visit, state)
            visit.person.consent_changes = consent_changes(before, state.consent)


def _fill(visit: Visit, state: ProfileState) -> None:
    """The person as later steps and partners see them: copies, since the next batch may change the profile."""
    person = visit.person
    person.person_no = state.person_no
    person.is_known = state.is_known
    person.attributes = dict(state.attributes)
    person.consent = dict(state.consent)
    person.identity_times = dict(state.identity_times)
    known = {kind: value for word, value in state.identities.items() if (kind := identity_type(word)) is not None}
    person.identities = known | {kind: value for kind, value in visit.said.identities.items() if kind.is_device}
