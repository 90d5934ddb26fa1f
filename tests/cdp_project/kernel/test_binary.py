"""Columns as arrays: PostgreSQL reads back what went in, and refuses nothing that fits."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdp_project.kernel import binary
from cdp_project.kernel.database import Connection, connect

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
FIRST, LAST = datetime.fromisoformat("0001-01-02"), datetime.fromisoformat("9999-12-30")
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "int2": st.integers(-(2**15), 2**15 - 1),
    "int4": st.integers(-(2**31), 2**31 - 1),
    "int8": st.integers(-(2**63), 2**63 - 1),
    "bool": st.booleans(),
    "text": TEXTS,
    "bytea": st.binary(max_size=20),
    "uuid": st.uuids(),
    "timestamptz": st.datetimes(FIRST, LAST, timezones=st.just(UTC)),
    "date": st.dates(date(1, 1, 1), date(9999, 12, 31)),
    "jsonb": st.dictionaries(TEXTS, st.lists(st.integers(-(2**53), 2**53)), max_size=3),
}


@pytest.fixture
def connection(transactional_db: None) -> Iterator[Connection]:
    with connect(autocommit=True) as opened:
        yield opened


def there_and_back(connection: Connection, kind: str, values: list[Any]) -> list[Any]:
    cursor = psycopg.RawCursor(connection)
    binary.teach(cursor)
    cursor.execute(
        f"SELECT v FROM unnest($1::{kind}[]) WITH ORDINALITY AS k (v, n) ORDER BY n".encode(),
        [binary.Array(kind, values)],
    )
    return [row[0] for row in cursor.fetchall()]


@pytest.mark.parametrize("kind", VALUES)
def test_every_value_comes_back(connection: Connection, kind: str) -> None:
    @settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.lists(st.none() | VALUES[kind], max_size=5))
    def comes_back(values: list[Any]) -> None:
        assert there_and_back(connection, kind, values) == values

    comes_back()


def test_encoded_json_and_written_uuids_are_taken_as_they_are(connection: Connection) -> None:
    assert there_and_back(connection, "jsonb", [b'{"a": 1}', "a"]) == [{"a": 1}, "a"]
    assert there_and_back(connection, "uuid", [str(UUID(int=7)), UUID(int=8).hex]) == [UUID(int=7), UUID(int=8)]


@pytest.mark.parametrize(("kind", "value"), [("int2", 2**15), ("int8", 2**63), ("int4", "7")])
def test_what_does_not_fit_is_an_error_of_the_data(kind: str, value: Any) -> None:
    with pytest.raises(psycopg.DataError, match=kind):
        binary.Array(kind, [1, value])
    with pytest.raises(psycopg.DataError, match=kind):
        binary.Array(kind, [None, value])
