"""A workspace with one of everything, its name in every text: what the walls between workspaces are tried on."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import connection as database

from cdp_project.kernel import clock
from cdp_project.workspaces import audit, credentials, tokens
from cdp_project.workspaces.audit import Actor
from cdp_project.workspaces.environment import Environment
from cdp_project.workspaces.models import ApiCredential, AuditEntry, Membership, Role, Workspace
from connections.acknowledging import acknowledge
from connections.models import Connection, Output
from connections.outputs import save_settings
from connections.reading.alerts import Alert, alerts
from connections.reading.own import own_connections
from events.models import Input, InputKey
from tests import factories
from tests.post import Post
from tests.shop import Shop, batch, custom_event
from tests.sink import Reply, Sink

ACTOR = Actor("test")
# Like ids that the house gives out, and of nothing.
NO_NUMBER = str(2**52 + 1)
NO_DIGITS = "0123456789ab"


@dataclass
class Estate:
    """One workspace and what belongs to it. `name` is a word of small letters that stands in all of its texts."""

    name: str
    sink: Sink
    shop: Shop = field(init=False)
    output: Output = field(init=False)
    connection: Connection = field(init=False)
    credential: ApiCredential = field(init=False)
    member: User = field(init=False)

    def __post_init__(self) -> None:
        self._found()
        self._fill()
        self._plant()

    @property
    def workspace(self) -> Workspace:
        return self.shop.workspace

    @property
    def event_id(self) -> str:
        return str(self.shop.events()[0]["event_id"])

    @property
    def mpid(self) -> str:
        return str(self.shop.events()[0]["mpid"])

    @property
    def alert_id(self) -> str:
        return self._alert.id

    @property
    def batch_id(self) -> str:
        return str(self.shop.rows("quarantine")[0]["batch_id"])

    @property
    def _alert(self) -> Alert:
        own = own_connections(self.workspace, Environment.PRODUCTION)
        return alerts(own, (clock.now() - timedelta(hours=2), clock.now()), limit=1)[0]

    def token(self, role: Role = Role.ADMIN) -> str:
        """A token of a credential of its own."""
        credential = ApiCredential(workspace=self.workspace, name=f"{self.name} reader", role=role)
        credentials.issue(ACTOR, credential)
        return tokens.issue(credential, clock.now())

    def number(self, model: type[Any]) -> str:
        """The number of its first row of a model."""
        owner = "input__workspace" if model is InputKey else "workspace"
        return str(model.objects.filter(**{owner: self.workspace}).order_by("pk")[0].pk)

    def close(self) -> None:
        """Give back what the pipeline holds."""
        self.shop.close()

    def _found(self) -> None:
        """Configuration, through the product's own code where there is some."""
        workspace = factories.workspace(slug=f"{self.name}-slug", name=f"{self.name} shop")
        self.shop = Shop(factories.feed(workspace, f"{self.name} feed"))
        self.member = factories.member(workspace)
        User.objects.filter(pk=self.member.pk).update(
            username=f"{self.name}-ann", first_name=self.name, last_name=self.name, email=f"{self.name}@example.com"
        )
        self.output = self._output("hook")
        self.connection = factories.connection(self.shop.source, self.output)
        audit.delete(ACTOR, factories.connection(self.shop.source, self._output("gone hook")))
        self.credential = ApiCredential(workspace=workspace, name=f"{self.name} script", role=Role.ADMIN)
        credentials.issue(ACTOR, self.credential)
        told = {"settings": self.name}
        audit.record(Actor(f"{self.name}-ann", self.member.pk), "changed", self.shop.source, told, told)

    def _output(self, name: str) -> Output:
        output = Output(workspace=self.workspace, integration="webhook", name=f"{self.name} {name}")
        save_settings(output, {"url": f"{self.sink.url}/{self.name}", "authorization": self.name, "send": "event"})
        return output

    def _fill(self) -> None:
        """One event on its way, one refused by the partner, one batch in quarantine, one in the inbox."""
        # Each output has its own path, and the answer names it.
        self.sink.script = lambda request: Reply(400, body=f"nothing at {request.path}".encode())
        refused, waiting = self._batch("refused"), self._batch("waiting")
        self.shop.process(refused)
        assert self.shop.post([{"events": 7, self.name: 1}], "v2/bulkevents") == 202
        self.shop.drain()
        post = Post(self.shop)
        post.deliver()
        acknowledge(Actor(self.name), self.workspace, Environment.PRODUCTION, self._alert, clock.now())
        self.shop.process(waiting)
        assert self.shop.post(self._batch("inbox")) == 202

    def _batch(self, what: str) -> dict[str, Any]:
        attributes = {f"{self.name} key": f"{self.name} value"}
        return batch(
            custom_event(f"{self.name} {what}", custom_attributes=attributes, session_uuid=f"{self.name} session"),
            customer=f"{self.name}-1",
            user_identities={"email": f"{self.name}@example.com"},
            user_attributes=attributes,
            deleted_user_attributes=[f"{self.name} gone"],
            device=f"{self.name}-stamp",
            device_info={"brand": self.name},
            consent_state={"gdpr": {self.name: {"consented": True}}},
        )

    def _plant(self) -> None:
        owners = {"workspace_id": self.workspace.pk, "output_id": self.output.pk}
        for table, column, owner in PLANTED:
            with database.cursor() as cursor:
                cursor.execute(f"UPDATE {table} SET {column} = %s WHERE {owner} = %s", [self.name, owners[owner]])


# Columns that hold words of the house, or what it made up: nothing that somebody wrote. With "*", the whole table is
# Django's or the installation's own.
OF_THE_HOUSE: dict[str, set[str]] = {
    "django_admin_log": {"*"},
    "auth_permission": {"*"},
    "auth_group": {"*"},
    "auth_user": {"password"},
    "django_content_type": {"*"},
    "django_session": {"*"},
    "chore_run": {"*"},
    "django_celery_beat_solarschedule": {"*"},
    "django_celery_beat_intervalschedule": {"*"},
    "django_celery_beat_crontabschedule": {"*"},
    "django_celery_beat_periodictask": {"*"},
    "audit_entry": {"action", "kind", "object_id"},
    "access_token": {"scope"},
    "kept_answer": {"*"},
    "api_credential": {"client_id"},
    "event": {"event_type", "withheld", "forwarded"},
    "quarantine": {"protocol", "reason"},
    "lane": {"halted_reason"},
    "inbox": {"protocol"},
    "input": {"kind", "platform", "protection"},
    "input_key": {"key", "secret_encrypted"},
    "rollup_partial": {"metric"},
    "rollup_hour": {"metric", "label"},
    "profile": {"identity_times"},
    "catalogue_name": {"event_type"},
    "alert_partial": {"code"},
    "alert_hour": {"code"},
    "alert_acknowledgement": {"code"},
    "delivery_exception": {"reason"},
    "delivery_attempt": {"error"},
    "verdict_partial": {"state", "reason"},
    "verdict_hour": {"state", "reason"},
    "output": {"integration", "secrets_encrypted"},
}
# Where the house's own words stand so far, and a stranger's could one day.
PLANTED = (("quarantine", "detail", "workspace_id"), ("delivery_attempt", "answer_sample", "output_id"))

# What may stand in an address, by the word in front of it, and what to put there to name something of an estate.
NUMBERS: dict[str, type[Any]] = {
    "inputs": Input,
    "keys": InputKey,
    "outputs": Output,
    "connections": Connection,
    "members": Membership,
    "credentials": ApiCredential,
    "audit-log": AuditEntry,
}
IDS: dict[str, Callable[[Estate], str]] = {
    "workspaces": lambda estate: str(estate.workspace.pk),
    "slug": lambda estate: estate.workspace.slug,
    "events": lambda estate: estate.event_id,
    "profiles": lambda estate: estate.mpid,
    "quarantine": lambda estate: estate.batch_id,
    "alerts": lambda estate: estate.alert_id,
    # Of everybody: the same in each estate.
    "integrations": lambda estate: estate.output.integration,
    **{word: lambda estate, model=model: estate.number(model) for word, model in NUMBERS.items()},  # type: ignore[misc]
}
# What may stand in a query or a body, by its name there; lists have the singular.
FIELDS: dict[str, Callable[[Estate], str]] = {
    "mpid": IDS["profiles"],
    "identity": lambda estate: f"{estate.name}-1",
    "event_id": IDS["events"],
    "batch_id": IDS["quarantine"],
    "input_id": IDS["inputs"],
    "output_id": IDS["outputs"],
    "connection_id": IDS["connections"],
    "object_id": IDS["inputs"],
    "client_id": lambda estate: estate.credential.client_id,
}


def nowhere(value: str) -> str:
    """An id of the same form that nothing has."""
    if value.endswith("-slug"):
        return "nobodys-slug"
    try:
        return str(UUID(UUID(value).hex[:-12] + NO_DIGITS))
    except ValueError:
        return NO_NUMBER if value.isdigit() else "nobody-1"
