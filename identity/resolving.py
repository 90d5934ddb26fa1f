"""Find or make the people of a chunk, exactly once each however many processes try.

Who is known and has nothing new is found by reading alone. Whoever is made or gets an identity is decided
again after the rows of the identities are locked: what was read before may be out of date by then.
"""

from cdp_project.kernel.buckets import new_mpid
from cdp_project.kernel.database import Connection
from cdp_project.kernel.outcome import Drop
from events.metrics import CLIENT_MPID
from events.pipeline import Chunk, Person
from events.reasons import PERSON_UNKNOWN
from identity import links
from identity.holdings import Holdings, Links
from identity.keys import IdentityKey
from identity.matching import Ask, Decision, ask, decide, people_to_look_at
from identity.scopes import WorkspacesByScope, workspaces_by_scope

_scopes = workspaces_by_scope()
Decisions = list[Decision | None]


def resolve(chunk: Chunk) -> None:
    """Give every open context its person, or drop it. Within the transaction."""
    asks = [ask(context) for context in chunk.open()]
    workspaces = _workspaces(chunk, asks)
    decisions = _decide(chunk.transaction, asks, workspaces)
    _write_links(chunk.transaction, asks, decisions)
    for each, decision in zip(asks, decisions, strict=True):
        _settle(chunk, each, decision)


def _workspaces(chunk: Chunk, asks: list[Ask]) -> WorkspacesByScope:
    found = _scopes.get(chunk.transaction)
    if any(each.context.input.scope_id not in found for each in asks):
        # A workspace made a moment ago.
        _scopes.forget()
        found = _scopes.get(chunk.transaction)
    return found


def _decide(connection: Connection, asks: list[Ask], workspaces: WorkspacesByScope) -> Decisions:
    held = links.read(connection, {key for each in asks for key in each.keys.values()})
    known = links.known_people(connection, people_to_look_at(asks, Holdings(held)), workspaces, lock=False)
    locked: set[IdentityKey] = set()
    while True:
        holdings = Holdings(dict(held), dict(known))
        decisions = [decide(each, holdings, new_mpid) for each in asks]
        changing = [each for each, found in zip(asks, decisions, strict=True) if found is not None and found.changes]
        values = _values(changing, locked)
        if not values:
            return decisions
        locked |= values.keys()
        held_now = {key: holders for key, holders in held.items() if key not in values}
        held_now |= _locked_links(connection, values)
        people = people_to_look_at(changing, Holdings(held_now))
        known_now = {person: is_known for person, is_known in known.items() if person not in people}
        known_now |= links.known_people(connection, people, workspaces, lock=True)
        if held_now == held and known_now == known:
            return decisions
        held, known = held_now, known_now


def _values(asks: list[Ask], locked: set[IdentityKey]) -> dict[IdentityKey, str]:
    return {key: value for each in asks for key, value in each.lock_values().items() if key not in locked}


def _locked_links(connection: Connection, values: dict[IdentityKey, str]) -> Links:
    """Lock these values and read who holds them now."""
    present = links.lock(connection, values)
    return links.read(connection, present)


def _write_links(connection: Connection, asks: list[Ask], decisions: Decisions) -> None:
    links.insert(
        connection,
        [
            (each.keys[kind], decision.mpid, each.context.accepted.received_at)
            for each, decision in zip(asks, decisions, strict=True)
            if decision is not None
            for kind in decision.links
        ],
    )


def _settle(chunk: Chunk, each: Ask, decision: Decision | None) -> None:
    context = each.context
    if decision is None:
        context.outcome = Drop(PERSON_UNKNOWN)
        return
    if decision.is_new and each.named is not None:
        chunk.count(context, CLIENT_MPID)
    context.person = Person(
        mpid=decision.mpid,
        origin_mpid=decision.mpid,
        person_no=None,
        is_new=decision.is_new,
        is_known=decision.is_known,
        identities={kind: context.batch.identities[kind] for kind in decision.kept},
    )
