"""What waits is found among what was given up, however much that is."""

import pytest
from django.db import connection

from connections import claim
from connections.models import ItemState

# Every hundredth waits.
MANY_PARKED = """
INSERT INTO delivery_exception (bucket, output_id, chunk_id, position, connection_id, environment, mpid, state, reason,
                                attempts, first_failed_at, last_at, next_at)
SELECT 7, 1, md5((n / 100)::text)::uuid, n % 100, 1, 1, n % 40, CASE WHEN n % 100 = 0 THEN 1 + n % 200 / 100 ELSE 3 END,
       'http_503', 40, now(), now(), NULL
FROM generate_series(1, 20000) n
"""


def generic_plan(statement: str, *parameters: int) -> str:
    """How it runs once the server has stopped planning it anew for other parameters."""
    for number in range(1, len(parameters) + 1):
        statement = statement.replace("%s", f"${number}", 1)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        cursor.execute(f"PREPARE one AS {statement}")
        cursor.execute(f"EXPLAIN EXECUTE one ({', '.join(map(str, parameters))})")
        lines = [line for (line,) in cursor.fetchall()]
        cursor.execute("DEALLOCATE one")
    return "\n".join(lines)


@pytest.mark.django_db
def test_who_is_blocked_is_found_without_a_look_at_what_is_parked() -> None:
    with connection.cursor() as cursor:
        cursor.execute(MANY_PARKED)
        cursor.execute("ANALYZE delivery_exception")
    assert "delivery_exception_waiting" in generic_plan(claim._BLOCKED, 7, 1)


@pytest.mark.django_db
def test_statements_and_their_index_mean_the_same_states() -> None:
    assert (ItemState.RETRYING, ItemState.HELD) == (1, 2)
    with connection.cursor() as cursor:
        cursor.execute(MANY_PARKED)
        blocked = claim.blocked_people(cursor.connection, (7, 1))
    assert blocked == {0: True, 20: False}
