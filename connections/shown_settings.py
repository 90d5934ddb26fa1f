"""Settings of an output as they may be shown: no secret, and to those who only look nothing that may be one."""

from typing import Any

from cdp_project.kernel.secretbox import SecretUnreadable
from connections.models import Output
from connections.outputs import secrets_of
from directory.contracts import FieldType, Integration
from directory.registry import INTEGRATIONS


def plain_settings(output: Output, *, in_full: bool) -> dict[str, Any]:
    """Those that are stored, by name; for addresses, unless in full, without what follows the question mark."""
    integration = INTEGRATIONS.get(output.integration)
    addresses = _addresses(integration)
    declared = {each.name for each in integration.fields} if integration else set()
    return {
        name: without_query(str(value)) if name in addresses and not in_full else value
        for name, value in output.settings.items()
        if name in declared
    }


def stored_secrets(output: Output) -> dict[str, dict[str, bool | None]]:
    """For each secret whether one is stored; None when that cannot be told without the former encryption key."""
    integration = INTEGRATIONS.get(output.integration)
    names = [each.name for each in integration.fields if each.is_secret] if integration else []
    try:
        stored = secrets_of(output.secrets_encrypted)
    except SecretUnreadable:
        return {name: {"is_set": None} for name in names}
    return {name: {"is_set": name in stored} for name in names}


def without_query(address: str) -> str:
    """Tokens often stand in the query."""
    kept, question_mark, _ = address.partition("?")
    return f"{kept}{question_mark and '?…'}"


def _addresses(integration: Integration | None) -> set[str]:
    return {each.name for each in integration.fields if each.type is FieldType.URL} if integration else set()
