"""Cursors: what was encoded comes back, and nothing else gets in."""

import base64
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

import pytest

from cdp_project.kernel import cursor
from cdp_project.kernel.cursor import BadCursor, Moment, Number, Position, SmallNumber, Word

AT = datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)


class Place(NamedTuple):
    at: Moment
    number: Number
    word: Word


@pytest.mark.parametrize("position", [Position(AT, UUID(int=7)), Place(AT, -(2**63), "http_503")])
def test_a_position_comes_back(position: Position | Place) -> None:
    assert cursor.decode(cursor.encode(position), type(position)) == position


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b'["2026-01-31T12:00:00Z",1,"x","y"',
        b'["2026-01-31T12:00:00",1,"x"]',
        b'["2026-01-31T12:00:00Z",9223372036854775808,"x"]',
        b'["2026-01-31T12:00:00Z",1,"a\\u0000b"]',
        b'["2026-01-31T12:00:00Z",1.5,"x"]',
        b"\xff\xfe",
    ],
)
def test_what_is_no_position_is_refused(raw: bytes) -> None:
    with pytest.raises(BadCursor):
        cursor.decode(base64.urlsafe_b64encode(raw).decode(), Place)


@pytest.mark.parametrize("text", ["ÿ", "a b", "!!!!", "=", "A" * 5])
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(BadCursor):
        cursor.decode(text, Place)


@pytest.mark.parametrize("number", [2**31, -(2**31) - 1])
def test_a_number_that_the_column_does_not_hold_is_refused(number: int) -> None:
    with pytest.raises(BadCursor):
        cursor.decode(cursor.encode((number,)), tuple[SmallNumber])
    assert cursor.decode(cursor.encode((2**31 - 1,)), tuple[SmallNumber]) == (2**31 - 1,)
