"""Reading people back: who holds an identity, and what is known of a person."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from cdp_project.kernel.buckets import bucket_of_mpid
from cdp_project.workspaces.environment import Environment
from cdp_project.workspaces.models import Workspace
from events.identity_types import IdentityType
from identity.keys import identity_key
from identity.resolve import HOLDERS_MOST

_HOLDERS = """
SELECT mpid FROM identity_link
WHERE bucket = %s AND scope_id = %s AND environment = %s AND identity_type = %s AND digest = %s
ORDER BY linked_at DESC, mpid LIMIT %s
"""
_PROFILE = """
SELECT mpid, person_no, is_known, attributes::text, identities::text, devices::text, consent::text,
       first_seen_at, last_seen_at, late_count
FROM profile
WHERE bucket = %s AND scope_id = %s AND workspace_id = %s AND environment = %s AND mpid = %s
"""


@dataclass(frozen=True, slots=True)
class ProfileView:
    """A profile as it may be shown."""

    mpid: int
    person_no: int
    is_known: bool
    attributes: dict[str, Any]
    identities: dict[str, str]
    devices: dict[str, Any]
    consent: dict[str, Any]
    first_seen_at: datetime
    last_seen_at: datetime
    late_count: int


def people_with(workspace: Workspace, environment: Environment, kind: IdentityType, value: str) -> list[int]:
    """MPIDs of those who hold the value, the latest to have got it first."""
    key = identity_key(workspace.scope, environment, kind, value)
    with connection.cursor() as cursor:
        cursor.execute(_HOLDERS, [*key, HOLDERS_MOST])
        return [mpid for (mpid,) in cursor.fetchall()]


def profile_of(workspace: Workspace, environment: Environment, mpid: int) -> ProfileView | None:
    """The person's profile in the workspace; None when there is none."""
    with connection.cursor() as cursor:
        cursor.execute(_PROFILE, [bucket_of_mpid(mpid), workspace.scope, workspace.pk, int(environment), mpid])
        row = cursor.fetchone()
    if row is None:
        return None
    return ProfileView(*row[:3], *(json.loads(part) for part in row[3:7]), *row[7:])
