"""Find or make the people of a chunk, exactly once each however many processes try.

Who is known and has nothing new is found by reading alone. Whoever is made or gets an identity is decided again
after the rows that it depends on are locked: what was read before may be out of date by then. They are locked all at
once, in the order of their keys. Where the second look would need more of them the chunk begins anew: another process
may hold those and wait for ours. Profiles come after them in the order of locks (identity.updating).
"""

from collections.abc import Iterable

from cdp_project.kernel.buckets import new_mpid
from cdp_project.kernel.database import Connection, TryAgain
from cdp_project.kernel.outcome import Drop
from events.metrics import CLIENT_MPID
from events.pipeline import Chunk, Person
from events.reasons import PERSON_UNKNOWN
from identity import client_mpids, links
from identity.holdings import Holdings, Known, Links
from identity.keys import PersonKey
from identity.matching import Ask, Decision, Decisions, LockValues, ask, decide_all, people_to_look_at
from identity.scopes import WorkspacesByScope, workspaces_by_scope

_scopes = workspaces_by_scope()


def resolve(chunk: Chunk) -> None:
    """Give every open context its person, or drop it. Within the transaction."""
    asks = [ask(context) for context in chunk.open()]
    workspaces = _workspaces(chunk, asks)
    decisions = _decide(chunk.transaction, asks, workspaces)
    client_mpids.refuse_surplus(chunk, asks, decisions)
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
    known = links.known_people(connection, people_to_look_at(asks, Holdings(held)), workspaces)
    decisions, wanted = decide_all(asks, Holdings(dict(held), dict(known)), new_mpid)
    if not wanted:
        return decisions
    locked = _lock(connection, wanted)
    known_now = _known_again(connection, asks, wanted, held | locked, workspaces)
    if all(held.get(key, {}) == mpids for key, mpids in locked.items()) and known_now == _of(known, known_now):
        return decisions
    known |= {person: is_known for person, is_known in known_now.items() if is_known is not None}
    decisions, wanted_now = decide_all(asks, Holdings(held | locked, known), new_mpid)
    if not wanted_now.keys() <= wanted.keys():
        raise TryAgain("Identities of the chunk changed hands meanwhile.")
    return decisions


def _lock(connection: Connection, wanted: LockValues) -> Links:
    """Lock these values and read who holds them now."""
    present = links.lock(connection, wanted)
    return {**{key: {} for key in wanted}, **links.read(connection, present)}


def _known_again(
    connection: Connection, asks: list[Ask], wanted: LockValues, held: Links, workspaces: WorkspacesByScope
) -> dict[PersonKey, bool | None]:
    """Whether the people whom the locked values lead to are known; None for those who do not exist."""
    touched = [each for each in asks if each.named is not None or not wanted.keys().isdisjoint(each.keys.values())]
    people = people_to_look_at(touched, Holdings(held))
    return _of(links.known_people(connection, people, workspaces), people)


def _of(known: Known, people: Iterable[PersonKey]) -> dict[PersonKey, bool | None]:
    return {person: known.get(person) for person in people}


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
        context.outcome = context.outcome or Drop(PERSON_UNKNOWN)
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
