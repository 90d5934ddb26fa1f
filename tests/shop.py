"""A workspace as tests see it from outside: post batches by the real intake, drain the pipeline, look at the tables."""

import base64
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from cdp_project.kernel import clock
from cdp_project.workspaces.models import Workspace
from events.identity_types import IdentityType
from events.ingest import accept, release
from events.intake.issuing import IssuedKey, issue_key
from events.models import Input
from events.processing.runner import Runner
from events.protocol import PROTOCOLS
from identity.person_numbers import person_numbers

Row = dict[str, Any]


@dataclass
class Shop:
    """One input of one workspace, with a key of its own."""

    source: Input
    runner: Runner = field(default_factory=Runner)
    key: IssuedKey = field(init=False)

    def __post_init__(self) -> None:
        self.key = issue_key(self.source, clock.now())

    @property
    def workspace(self) -> Workspace:
        return self.source.workspace

    def post(self, body: Any, endpoint: str = "v2/events") -> int:
        """Upload as a client does; the status of the answer."""
        protocol = PROTOCOLS["mparticle"]
        authorization = base64.b64encode(f"{self.key.key}:{self.key.secret}".encode()).decode()
        found = next(each for each in protocol.endpoints if each.path == endpoint)
        headers = {"authorization": f"Basic {authorization}", "content-type": "application/json"}
        return accept(protocol, found, headers, {}, json.dumps(body).encode(), "127.0.0.1").status

    def process(self, *batches: Row) -> None:
        """Upload the batches one by one, then process all that waits."""
        for batch in batches:
            assert self.post(batch) == 202
        self.drain()

    def drain(self) -> None:
        self.runner.drain()

    def rows(self, table: str) -> list[Row]:
        """Rows of the workspace, in the order of acceptance where the table knows one."""
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {table} WHERE workspace_id = %s", [self.workspace.pk])
            names = [column.name for column in cursor.description]
            found = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        for row in found:
            row |= {name: json.loads(row[name]) for name in _JSON & row.keys() if isinstance(row[name], str)}
        return sorted(found, key=lambda row: (row.get("accept_seq", 0), str(row.get("event_id"))))

    def linked(self, mpid: int) -> list[str]:
        """Types of the identities that are linked to a person."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT identity_type FROM identity_link WHERE mpid = %s ORDER BY 1", [mpid])
            return [IdentityType(kind).word for (kind,) in cursor.fetchall()]

    def events(self) -> list[Row]:
        return self.rows("event")

    def profiles(self) -> list[Row]:
        return self.rows("profile")

    def profile(self) -> Row:
        """The one profile that there is."""
        (row,) = self.profiles()
        return row

    def profile_of(self, mpid: int) -> Row:
        (row,) = [each for each in self.profiles() if each["mpid"] == mpid]
        return row

    def counts(self, metric: str) -> dict[str, int]:
        """A metric by label, over all hours and lanes, compacted or not."""
        totals: Counter[str] = Counter()
        for row in [*self.rows("rollup_partial"), *self.rows("rollup_hour")]:
            if row["metric"] == metric:
                totals[row["label"]] += row["count"]
        return dict(totals)

    def outcomes(self) -> dict[str, int]:
        return self.counts("outcome")

    def close(self) -> None:
        """Give back every connection that this process holds besides Django's."""
        self.runner.close()
        person_numbers.forget()
        release()

    def waiting(self) -> int:
        return len(self.rows("inbox"))


_JSON = {"data", "envelope", "withheld", "violations", "attributes", "identities", "devices", "consent"}


def custom_event(name: str = "Viewed", **data: Any) -> Row:
    """A custom event."""
    return {"event_type": "custom_event", "data": {"event_name": name, "custom_event_type": "other", **data}}


def batch(*events: Row, customer: str | None = None, device: str | None = None, **fields: Any) -> Row:
    """A batch of somebody who is named by customer id, by device application stamp, or otherwise by `fields`."""
    made: Row = {"environment": "production", "events": list(events), **fields}
    if customer is not None:
        made["user_identities"] = {"customer_id": customer, **fields.get("user_identities", {})}
    if device is not None:
        made["mp_deviceid"] = device
    return made
