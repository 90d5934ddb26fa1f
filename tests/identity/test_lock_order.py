"""Processes that resolve the same people in opposite orders wait for each other, and never in a circle."""

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from uuid import uuid4

import pytest

from cdp_project.kernel import clock
from cdp_project.kernel.database import Connection, TryAgain, connect
from cdp_project.workspaces.environment import Environment
from events.batch import Batch
from events.configuration import InputConfig, load_inputs
from events.identity_types import IdentityType
from events.models import Input
from events.pipeline import Accepted, Chunk, Context
from identity import resolving, updating
from identity.person_numbers import person_numbers

CUSTOMER, EMAIL, OTHER = IdentityType.CUSTOMER_ID, IdentityType.EMAIL, IdentityType.OTHER
TRIES_MOST = 50
Named = dict[IdentityType, str]
_sequence = count(1)


@pytest.fixture
def source(transactional_db: None, feed: Input) -> Iterator[InputConfig]:
    with connect(autocommit=True) as connection:
        yield load_inputs(connection, {})[feed.pk]
    person_numbers.forget()


def context(source: InputConfig, identities: Named) -> Context:
    seq, now = next(_sequence), clock.now()
    environment = Environment.PRODUCTION
    ids = (source.workspace_id, source.input_id, environment)
    accepted = Accepted(0, seq, uuid4(), *ids, "mparticle", False, now, 0, 0, b"")
    return Context(accepted, source, Batch(environment, identities=dict(identities)), [])


def resolve(
    connection: Connection, source: InputConfig, people: list[Named], meet: Callable[[], object] = lambda: None
) -> None:
    """One transaction as the pipeline's; `meet` is called between finding people and changing their profiles."""
    with connection.transaction():
        chunk = Chunk(0, clock.now(), [context(source, named) for named in people], connection)
        resolving.resolve(chunk)
        meet()
        updating.update_all(chunk)


def impatient() -> Connection:
    """A connection that tells a circle of waits at once."""
    connection = connect(autocommit=True)
    connection.execute("SET deadlock_timeout = '20ms'")
    return connection


def test_profiles_are_locked_together_whoever_of_them_changes(source: InputConfig) -> None:
    ann, bob = {EMAIL: "ann@example.com"}, {EMAIL: "bob@example.com"}
    both = threading.Barrier(2, timeout=20)

    def change(mine: Named, other: Named) -> None:
        with impatient() as connection:
            resolve(connection, source, [{**mine, OTHER: f"new of {mine[EMAIL]}"}, other], meet=both.wait)

    with impatient() as connection:
        resolve(connection, source, [ann, bob])
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(change, (ann, bob), (bob, ann)))

    with connect(autocommit=True) as connection:
        assert connection.execute("SELECT count(*) FROM profile").fetchone() == (2,)


def test_two_logins_of_one_anonymous_person_by_different_ways_make_two_people(source: InputConfig) -> None:
    """Nothing but the person is common to both batches: each names another identity of theirs."""
    person = {EMAIL: "ann@example.com", OTHER: "o-1"}
    ways = [{CUSTOMER: "u-1", EMAIL: "ann@example.com"}, {CUSTOMER: "u-2", OTHER: "o-1"}]
    for _ in range(10):
        with impatient() as connection:
            connection.execute("DELETE FROM identity_link WHERE bucket >= 0")
            connection.execute("DELETE FROM profile WHERE bucket >= 0")
            resolve(connection, source, [person])
        start = threading.Barrier(2, timeout=20)

        def log_in(way: Named, start: threading.Barrier = start) -> None:
            with impatient() as connection:
                start.wait()
                persist(connection, source, [way])

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(log_in, ways))
        assert sorted(customers_by_person(source)) == ["u-1", "u-2"]


def persist(connection: Connection, source: InputConfig, people: list[Named]) -> int:
    """Resolve, anew after each collision as the pipeline does; how many collisions there were."""
    for collisions in range(TRIES_MOST):
        try:
            resolve(connection, source, people)
        except TryAgain:
            continue
        return collisions
    raise AssertionError("It collides for ever.")


def customers_by_person(source: InputConfig) -> list[str]:
    """Customer ids of each person; more than one of a person are joined, which must not be."""
    statement = """
        SELECT string_agg(k.value, '+' ORDER BY k.value) FROM identity_link l
        JOIN identity_key k USING (bucket, scope_id, environment, identity_type, digest)
        WHERE l.identity_type = %s AND l.scope_id = %s GROUP BY l.mpid
    """
    with connect(autocommit=True) as connection:
        return [str(row[0]) for row in connection.execute(statement, (int(CUSTOMER), source.scope_id)).fetchall()]


def test_64_parallel_chunks_of_the_same_people_never_wait_in_a_circle(source: InputConfig) -> None:
    dice = random.Random(7)

    def somebody() -> Named:
        who = dice.randrange(12)
        kinds = dice.sample([CUSTOMER, EMAIL, OTHER], dice.choice([1, 1, 2, 3]))
        return {kind: f"{kind.word} {who if kind is CUSTOMER else dice.choice([who, who // 2])}" for kind in kinds}

    chunks = [[somebody() for _ in range(6)] for _ in range(64)]

    def work(mine: list[list[Named]]) -> None:
        with impatient() as connection:
            for people in mine:
                persist(connection, source, people)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(work, [chunks[first::16] for first in range(16)]))

    found = Counter(customers_by_person(source))
    named = {named[CUSTOMER] for people in chunks for named in people if CUSTOMER in named}
    assert found == Counter(named)
