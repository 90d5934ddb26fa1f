"""Making and changing outputs by what the API was told: settings merged, secrets kept apart, problems by pointer."""

from collections.abc import Mapping
from typing import Any

from rest_framework.exceptions import ErrorDetail, ValidationError

from cdp_project.kernel.errors import Refusal
from cdp_project.kernel.secretbox import SecretUnreadable
from cdp_project.workspaces import audit
from cdp_project.workspaces.audit import Actor
from cdp_project.workspaces.models import Workspace
from cdp_project.workspaces.resource_rows import check, saved
from connections.models import Output
from connections.outputs import SettingsRefused, save_settings
from directory.contracts import Integration, Kind
from directory.registry import INTEGRATIONS

PLAIN, SECRETS = "settings", "secrets"
UNREADABLE = "The stored secrets cannot be read with the keys in CDP_ENCRYPTION_KEYS: put the former key back there."


def made(actor: Actor, workspace: Workspace, data: Mapping[str, Any]) -> Output:
    """A new output. Raises ValidationError by field."""
    known = [key for key, each in INTEGRATIONS.items() if Kind.EVENT in each.kinds]
    if data["integration"] not in known:
        told = f"There is no such integration; known are: {', '.join(known)}."
        raise ValidationError({"integration": [ErrorDetail(told, "unknown_integration")]})
    output = Output(workspace=workspace, integration=data["integration"])
    return _with_settings(actor, output, data)


def changed(actor: Actor, output: Output, data: Mapping[str, Any]) -> Output:
    """The output with what was given; the rest stays. Raises ValidationError by field, Refusal 409."""
    if not data.keys() & {PLAIN, SECRETS}:
        # Switching off must be possible whatever the settings are.
        return saved(actor, output, data)
    if output.integration not in INTEGRATIONS:
        raise Refusal(409, "integration_gone", "This version has no such integration any more: only switch it off.")
    return _with_settings(actor, output, data)


def _with_settings(actor: Actor, output: Output, data: Mapping[str, Any]) -> Output:
    integration, plain, secrets = INTEGRATIONS[output.integration], data.get(PLAIN, {}), data.get(SECRETS, {})
    _check_names(integration, plain, secrets)
    # What an earlier version of the integration knew is left behind.
    kept = {each.name: output.settings[each.name] for each in integration.fields if each.name in output.settings}
    for name in data.keys() - {PLAIN, SECRETS, "integration"}:
        setattr(output, name, data[name])
    check(output)
    forgotten = {name for name, value in secrets.items() if not value}
    try:
        with audit.changing(actor, output):
            save_settings(output, {**kept, **plain, **secrets}, forget=forgotten)
    except SettingsRefused as refused:
        raise _by_pointer(integration, refused) from None
    except SecretUnreadable:
        raise Refusal(409, "secrets_unreadable", UNREADABLE) from None
    return output


def _check_names(integration: Integration, plain: Mapping[str, Any], secrets: Mapping[str, Any]) -> None:
    """Each name stands where it belongs: a secret among the settings would be shown again."""
    is_secret = {each.name: each.is_secret for each in integration.fields}
    wrong: dict[str, dict[str, list[ErrorDetail]]] = {PLAIN: {}, SECRETS: {}}
    for place, names in ((PLAIN, plain), (SECRETS, secrets)):
        for name in names:
            if is_secret.get(name) is not (place == SECRETS):
                wrong[place][name] = [_misplaced(place, name in is_secret)]
    if found := {place: errors for place, errors in wrong.items() if errors}:
        raise ValidationError(found)


def _misplaced(place: str, is_known: bool) -> ErrorDetail:
    if not is_known:
        return ErrorDetail("There is no such setting.", "unknown_setting")
    other = PLAIN if place == SECRETS else SECRETS
    return ErrorDetail(f"This one belongs into {other}.", "misplaced_setting")


def _by_pointer(integration: Integration, refused: SettingsRefused) -> ValidationError:
    secret = {each.name for each in integration.fields if each.is_secret}
    found: dict[str, dict[str, list[ErrorDetail]]] = {}
    for problem in refused.problems:
        place = found.setdefault(SECRETS if problem.field in secret else PLAIN, {})
        place.setdefault(problem.field, []).append(ErrorDetail(problem.message, "unusable_setting"))
    return ValidationError(found)
