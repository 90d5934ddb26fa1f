"""Columns of values as arrays in PostgreSQL's binary form: parameters whose type never depends on the values.

The driver finds out the type of a list from what is in it, so that one statement would be prepared again and again;
and of numbers it makes an array in twice the time. COPY is the driver's own: there it is faster than this.
"""

import struct
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import chain, repeat
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Dumper
from psycopg.pq import Format

Encode = Callable[[Any], bytes]

_NULL = b"\xff\xff\xff\xff"
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_EPOCH_DAY = _EPOCH.toordinal()
_LENGTH = struct.Struct(">i").pack
_HEAD = struct.Struct(">iiI").pack
_BOUNDS = struct.Struct(">ii").pack
_UUID = struct.Struct(">i16s").pack
_NUMBERS = {"int2": "h", "int4": "i", "int8": "q", "bool": "?"}


def _sized(value: bytes) -> bytes:
    return _LENGTH(len(value)) + value


def _json(value: Any) -> bytes:
    # Version 1 of the binary form is the text behind a one.
    return _sized(b"\x01" + (value if isinstance(value, bytes) else msgspec.json.encode(value)))


_INT4, _INT8 = struct.Struct(">ii").pack, struct.Struct(">iq").pack


def _microseconds(value: datetime) -> bytes:
    since = value - _EPOCH
    return _INT8(8, (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds)


_OTHERS: dict[str, Encode] = {
    "text": lambda value: _sized(value.encode()),
    "bytea": _sized,
    "uuid": lambda value: _UUID(16, value.bytes if isinstance(value, UUID) else bytes.fromhex(value.replace("-", ""))),
    "timestamptz": _microseconds,
    "date": lambda value: _INT4(4, value.toordinal() - _EPOCH_DAY),
    "jsonb": _json,
}


def is_known(kind: str) -> bool:
    """Whether values of this type have a binary form here."""
    return kind in _NUMBERS or kind in _OTHERS


class Array:
    """A column as one parameter of a statement; None is NULL.

    Of `jsonb`, bytes are taken for JSON and anything else is encoded. Raises psycopg.DataError where a value does
    not fit the type.
    """

    __slots__ = ("data", "oid")

    def __init__(self, kind: str, values: Sequence[Any]) -> None:
        known = psycopg.postgres.types[kind]
        self.oid = known.array_oid
        try:
            elements = _numbers(_NUMBERS[kind], values) if kind in _NUMBERS else _others(_OTHERS[kind], values)
        except struct.error as error:
            raise psycopg.DataError(f"A value does not fit {kind}: {error}") from None
        self.data = _HEAD(1, 1, known.oid) + _BOUNDS(len(values), 1) + elements


def _numbers(code: str, values: Sequence[Any]) -> bytes:
    one = struct.Struct(f">i{code}")
    size = one.size - 4
    if None in values:
        return _others(lambda value: one.pack(size, value), values)
    return struct.pack(f">{f'i{code}' * len(values)}", *chain.from_iterable(zip(repeat(size), values, strict=False)))


def _others(encode: Encode, values: Sequence[Any]) -> bytes:
    return b"".join([_NULL if value is None else encode(value) for value in values])


class _ArrayDumper(Dumper):
    """Hands an Array over as it is."""

    format = Format.BINARY

    def get_key(self, obj: Array, format: Any) -> Any:  # noqa: A002, ARG002 - the driver's
        return (Array, obj.oid)

    def upgrade(self, obj: Array, format: Any) -> "_ArrayDumper":  # noqa: A002, ARG002 - the driver's
        dumper = _ArrayDumper(Array, self.connection)
        dumper.oid = obj.oid
        return dumper

    def dump(self, obj: Array) -> Buffer:
        return obj.data


def teach(cursor: psycopg.Cursor[Any]) -> None:
    """Let the cursor take an Array as a parameter."""
    cursor.adapters.register_dumper(Array, _ArrayDumper)
