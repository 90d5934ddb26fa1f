"""Settings of outputs: checked against what the integration declares; secrets are encrypted and never given back."""

from collections.abc import Collection, Mapping
from typing import Any

import msgspec
from django.conf import settings
from django.db import transaction

from cdp_project.kernel import secretbox
from cdp_project.kernel.addresses import AddressRefused, allowances, check_address, target_of
from cdp_project.workspaces import configuration
from connections.models import Output
from directory.contracts import FieldType, Integration, Settings, SettingsProblem, completed, problems_of
from directory.registry import INTEGRATIONS


class SettingsRefused(ValueError):
    """Settings that cannot be used; `problems` says which and why."""

    def __init__(self, problems: list[SettingsProblem]) -> None:
        super().__init__(" ".join(f"{problem.field}: {problem.message}" for problem in problems))
        self.problems = problems


def save_settings(
    output: Output, values: Mapping[str, Any], *, forget: Collection[str] = (), allow: Collection[str] = ()
) -> None:
    """Check the values and save the output with them.

    A secret that is left empty keeps what is stored; naming it in `forget` removes it. `allow` opens networks to
    its addresses besides those of CDP_DELIVERY_ALLOW. Raises SettingsRefused, and then nothing is saved.
    """
    if problems := problems_with(output, values, forget=forget, allow=allow):
        raise SettingsRefused(problems)
    secret_names = {each.name for each in INTEGRATIONS[output.integration].fields if each.is_secret}
    given = _given(values)
    secrets = _kept(output, forget) | {name: value for name, value in given.items() if name in secret_names}
    output.settings = {name: value for name, value in given.items() if name not in secret_names}
    if secrets != secrets_of(output.secrets_encrypted):
        # Only then: the same secrets encrypted anew would look like a change in the audit log.
        output.secrets_encrypted = secretbox.encrypt(msgspec.json.encode(secrets).decode()) if secrets else ""
    with transaction.atomic():
        output.save()
        configuration.changed(output.workspace)
        transaction.on_commit(configuration.tell)


def problems_with(
    output: Output, values: Mapping[str, Any], *, forget: Collection[str] = (), allow: Collection[str] = ()
) -> list[SettingsProblem]:
    """What `save_settings` would refuse, for a form to show; empty when it would save."""
    integration, given, kept = INTEGRATIONS[output.integration], _given(values), _kept(output, forget)
    # A secret that was good enough once may stay as it is: switching an output off must always be possible.
    stays = set() if forget else kept.keys() - given.keys()
    problems = [each for each in _problems(integration, kept | given) if each.field not in stays]
    # And so may what leads where it led before.
    new = [name for name in _urls(integration, given) if given[name] != output.settings.get(name)]
    return problems or [problem for name in new for problem in _private(name, given[name], allow)]


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, "")}


def _kept(output: Output, forget: Collection[str]) -> dict[str, Any]:
    return {name: value for name, value in secrets_of(output.secrets_encrypted).items() if name not in forget}


def secrets_of(secrets_encrypted: str) -> dict[str, str]:
    """The secrets that are stored, by name. Raises secretbox.SecretUnreadable."""
    if not secrets_encrypted:
        return {}
    return msgspec.json.decode(secretbox.decrypt(secrets_encrypted), type=dict[str, str])


def _problems(integration: Integration, values: Settings) -> list[SettingsProblem]:
    problems = problems_of(integration.fields, values)
    if not problems:
        problems = integration.problems(completed(integration.fields, values))
    return problems or [problem for name in _urls(integration, values) for problem in _url_problems(name, values[name])]


def _urls(integration: Integration, values: Settings) -> list[str]:
    return [each.name for each in integration.fields if each.type is FieldType.URL and values.get(each.name)]


def _url_problems(name: str, url: str) -> list[SettingsProblem]:
    try:
        target_of(url)
    except AddressRefused as refusal:
        return [SettingsProblem(name, str(refusal))]
    return []


def _private(name: str, url: str, allow: Collection[str]) -> list[SettingsProblem]:
    # Where a host name leads, and whether it is private, is decided at every sending: the answer can change.
    target = target_of(url)
    try:
        if target.address is not None:
            check_address(target.address, target.port, allowances([*settings.CDP_DELIVERY_ALLOW, *allow]))
    except ValueError as refusal:
        return [SettingsProblem(name, str(refusal))]
    return []
