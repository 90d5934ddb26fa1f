"""Connections and outputs as the hot loops see them: plain values, refreshed when the configuration version moves."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import structlog

from cdp_project.kernel.database import Connection
from cdp_project.kernel.secretbox import SecretUnreadable
from cdp_project.workspaces.configuration import Cached, Versions
from cdp_project.workspaces.environment import Environment
from connections.forward import Route
from connections.outputs import secrets_of
from directory.contracts import Integration, Limits, Settings, Wants, completed
from directory.registry import INTEGRATIONS
from events.reasons import CONNECTION_DELETED, CONNECTION_OFF, OUTPUT_DELETED, OUTPUT_OFF

log = structlog.get_logger(__name__)

NOTHING = Wants(event_types=frozenset())
Routes = dict[int, tuple[Route, ...]]
"""Connections by input."""


@dataclass(frozen=True, slots=True)
class OutputConfig:
    """One output, ready to send. `settings` is None when they cannot be read or used: what is to go out waits."""

    output_id: int
    integration: Integration
    settings: Settings | None = field(repr=False)
    limits: Limits
    environments: frozenset[Environment]
    secrets: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Outputs:
    """Outputs by id, and which connections there are: {connection id: is active}."""

    by_id: dict[int, OutputConfig]
    connections: dict[int, bool]

    def knows(self, output_id: int, connection_id: int) -> bool:
        """Whether both are there: if not, they were deleted, or made a moment ago."""
        return output_id in self.by_id and connection_id in self.connections

    def withheld(self, output_id: int, connection_id: int, environment: int) -> str | None:
        """Why something that was to go out does not go any more; None when it does."""
        output = self.by_id.get(output_id)
        if output is None:
            return OUTPUT_DELETED
        if connection_id not in self.connections:
            return CONNECTION_DELETED
        if environment not in output.environments:
            return OUTPUT_OFF
        return None if self.connections[connection_id] else CONNECTION_OFF


_ROUTES = """
SELECT c.id, c.input_id, c.output_id, c.workspace_id, c.is_active,
       o.integration, o.settings, o.is_active_in_production, o.is_active_in_development
FROM connection c JOIN output o ON o.id = c.output_id
ORDER BY c.id
"""
_OUTPUTS = """
SELECT id, integration, settings, secrets_encrypted, is_active_in_production, is_active_in_development FROM output
"""


def load_routes(database: Connection, versions: Versions) -> Routes:
    """All connections, by input."""
    found: defaultdict[int, list[Route]] = defaultdict(list)
    rows: list[tuple[Any, ...]] = database.execute(_ROUTES).fetchall()
    for connection_id, input_id, output_id, workspace_id, is_active, key, plain, *active in rows:
        wants, age_most_s = _wants(output_id, key, plain)
        version = versions.get(workspace_id, 0)
        found[input_id].append(
            Route(connection_id, output_id, is_active, _environments(*active), wants, age_most_s, version)
        )
    return {input_id: tuple(routes) for input_id, routes in found.items()}


def _wants(output_id: int, key: str, plain: dict[str, Any]) -> tuple[Wants, int | None]:
    integration = INTEGRATIONS.get(key)
    if integration is None:
        log.error("output of an unknown integration", output=output_id, integration=key)
        return NOTHING, None
    try:
        settings = completed(integration.fields, plain)
        return integration.wants(settings), integration.limits(settings).event_age_most_s
    except Exception:
        # One broken row or integration must not stop what everybody else sends.
        log.exception("an integration failed on the settings of an output", output=output_id, integration=key)
        return NOTHING, None


def load_outputs(database: Connection, _versions: Versions) -> Outputs:
    """All outputs whose integration is known, with their secrets in the clear."""
    rows: list[tuple[Any, ...]] = database.execute(_OUTPUTS).fetchall()
    found = [_output(*row) for row in rows if row[1] in INTEGRATIONS]
    connections: list[tuple[Any, ...]] = database.execute("SELECT id, is_active FROM connection").fetchall()
    return Outputs({output.output_id: output for output in found}, dict(connections))


def _output(output_id: int, key: str, plain: dict[str, Any], encrypted: str, *active: bool) -> OutputConfig:
    integration = INTEGRATIONS[key]
    settings: Settings | None = None
    secrets: dict[str, str] = {}
    limits = Limits()
    try:
        limits = integration.limits(completed(integration.fields, plain))
        secrets = secrets_of(encrypted)
        settings = completed(integration.fields, {**plain, **secrets})
    except SecretUnreadable as error:
        log.error("the settings of an output cannot be read", output=output_id, error=str(error))  # noqa: TRY400
    except Exception:
        log.exception("an integration failed on the settings of an output", output=output_id, integration=key)
    return OutputConfig(output_id, integration, settings, limits, _environments(*active), tuple(secrets.values()))


def _environments(production: bool, development: bool) -> frozenset[Environment]:
    chosen = {Environment.PRODUCTION: production, Environment.DEVELOPMENT: development}
    return frozenset(environment for environment, is_active in chosen.items() if is_active)


def routes() -> Cached[Routes]:
    """A copy for one process."""
    return Cached(load_routes)


def outputs() -> Cached[Outputs]:
    """A copy for one delivery loop."""
    return Cached(load_outputs)
