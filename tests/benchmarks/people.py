"""People who are there beforehand: profiles, identities and links as the pipeline would have left them."""

from collections.abc import Iterator
from typing import Any

from cdp_project.kernel import bulk, clock
from cdp_project.kernel.database import connect
from cdp_project.workspaces.environment import Environment
from events.identity_types import IdentityType
from events.models import Input
from identity.keys import identity_key
from identity.resolve import UNIQUE_TYPES

# A person's MPID is told by their number: the number in the high bits, a bucket that looks like chance in the low.
MPID_SQL = "((({n}) + 1) * 4096 + (({n}) * 2654435761 / 65536) % 4096)"
_KEY = ("bucket", "scope_id", "environment", "identity_type")
_VALUES = (*_KEY, "digest", "value")
_LINKS = (*_KEY, "digest", "mpid", "is_unique", "linked_at")
_PROFILES = f"""
INSERT INTO profile (bucket, scope_id, workspace_id, environment, mpid, person_no, origin, is_known, attributes,
    identities, devices, consent, first_seen_at, last_seen_at, last_seq, late_count, forgotten, identity_times)
SELECT (mpid %% 4096)::int2, %(scope)s, %(workspace)s, 1, mpid, n, 1, true,
    jsonb_build_object('city', 'Graz', 'plan', 'gold', 'visits', n %% 100),
    jsonb_build_object('customer_id', 'customer-' || n, 'email', 'person' || n || '@example.com'),
    jsonb_build_object(stamp, jsonb_build_object('brand', 'Google', 'platform', 'Android', 'os_version', '15',
        'device_model', 'Pixel 8', 'first_seen_at', %(at)s::text, 'last_seen_at', %(at)s::text,
        'device_application_stamp', stamp)),
    '{{}}', %(at)s, %(at)s, 1, 0, '{{}}', jsonb_build_object('customer_id', 1, 'email', 1)
FROM (SELECT n, {MPID_SQL.format(n="n").replace("%", "%%")} AS mpid,
             '00000000-0000-4000-8000-' || lpad(n::text, 12, '0') AS stamp
      FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n) AS made
"""
_COUNTER = """
INSERT INTO person_counter (workspace_id, environment, next_no) VALUES (%s, 1, %s)
ON CONFLICT (workspace_id, environment) DO UPDATE SET next_no = %s
"""


def mpid_of(person: int) -> int:
    """MPID of the person with this number; as MPID_SQL."""
    return (person + 1) * 4096 + person * 2654435761 // 65536 % 4096


def make(source: Input, first: int, end: int) -> None:
    """The people from `first` to `end` - 1, as `Bodies` names them."""
    scope, now = source.workspace.scope, clock.now()
    with connect(name="bench") as connection:
        connection.execute("SET statement_timeout = 0")
        bulk.copy(connection, "identity_key", _VALUES, values(scope, first, end))
        bulk.copy(connection, "identity_link", _LINKS, links(scope, first, end))
        told = {"scope": scope, "workspace": source.workspace_id, "at": now, "first": first, "last": end - 1}
        connection.execute(_PROFILES.encode(), told)
        connection.execute(_COUNTER.encode(), (source.workspace_id, end, end))
    with connect(autocommit=True, name="bench") as connection:
        connection.execute("SET statement_timeout = 0")
        connection.execute("VACUUM (ANALYZE) identity_key, identity_link, profile")


def identities(person: int) -> tuple[tuple[IdentityType, str], ...]:
    """What a batch of the person names."""
    return (
        (IdentityType.CUSTOMER_ID, f"customer-{person}"),
        (IdentityType.EMAIL, f"person{person}@example.com"),
        (IdentityType.DEVICE_APPLICATION_STAMP, f"00000000-0000-4000-8000-{person:012d}"),
    )


def values(scope: int, first: int, end: int) -> Iterator[tuple[Any, ...]]:
    """Lock rows of all their identities."""
    for person in range(first, end):
        for kind, value in identities(person):
            yield (*identity_key(scope, Environment.PRODUCTION, kind, value), value)


def links(scope: int, first: int, end: int) -> Iterator[tuple[Any, ...]]:
    """Who holds them."""
    now = clock.now()
    for person in range(first, end):
        mpid = mpid_of(person)
        for kind, value in identities(person):
            key = identity_key(scope, Environment.PRODUCTION, kind, value)
            yield (*key, mpid, kind in UNIQUE_TYPES, now)
