"""Rows of configuration as the audit log shows them: choices and relations by name, secrets masked."""

import json
from collections.abc import Sequence
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Field, ForeignKey, Model

from cdp_project.kernel.logs import HIDDEN, SECRET_WORDS

HIDDEN_NEW = "[hidden, new]"
SECRET_FIELD_WORDS = (*SECRET_WORDS, "digest")
UNTOLD_FIELDS = {"id", "workspace", "config_version"}

Shown = dict[str, Any]


def shown(row: Model) -> Shown:
    """The whole row."""
    return {field.name: _value(row, field) for field in _fields(row)}


def difference(before: Model, after: Model) -> tuple[Shown, Shown]:
    """The fields that differ, as they were and as they are; of a new secret only that it is new."""
    fields = [field for field in _fields(after) if _raw(before, field) != _raw(after, field)]
    new = {field.name: HIDDEN_NEW if _is_secret(field.name) else _value(after, field) for field in fields}
    return {field.name: _value(before, field) for field in fields}, new


def masked(value: Any) -> Any:
    """The JSON value without what stands under a secret's name."""
    if isinstance(value, dict):
        return {name: HIDDEN if each and _is_secret(name) else masked(each) for name, each in value.items()}
    return [masked(each) for each in value] if isinstance(value, list) else value


def _fields(row: Model) -> Sequence["Field[Any, Any]"]:
    return [field for field in row._meta.concrete_fields if field.name not in UNTOLD_FIELDS]


def _raw(row: Model, field: "Field[Any, Any]") -> Any:
    value = getattr(row, field.attname)
    return bytes(value) if isinstance(value, memoryview) else value


def _value(row: Model, field: "Field[Any, Any]") -> Any:
    raw = _raw(row, field)
    if _is_secret(field.name):
        return HIDDEN if raw else ""
    if isinstance(field, ForeignKey):
        return None if raw is None else str(getattr(row, field.name))
    if field.choices:
        return dict(field.flatchoices).get(raw, raw)
    return masked(json.loads(json.dumps(raw, cls=DjangoJSONEncoder)))


def _is_secret(name: str) -> bool:
    return any(word in name.lower() for word in SECRET_FIELD_WORDS)
