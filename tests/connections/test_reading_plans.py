"""What is read of deliveries is looked up and not searched for, however much lies beside it."""

from collections.abc import Mapping
from typing import Any

from django.db import connection

from connections.reading import attempts
from tests.post import Post
from tests.shop import Shop, batch, custom_event
from tests.sink import Reply, Sink

MANY_ATTEMPTS = """
INSERT INTO delivery_attempt (bucket, day, attempt_id, output_id, connection_id, chunk_id, position, event_id, at,
                              status, error, latency_ms, answer_sample)
SELECT bucket, day, md5(n::text)::uuid, output_id, connection_id, chunk_id, n, md5(n::text)::uuid, at, status, error,
       latency_ms, answer_sample
FROM delivery_attempt CROSS JOIN generate_series(1, 5000) n
"""


def refuse(shop: Shop, post: Post, sink: Sink) -> None:
    """One event is sent and refused."""
    post.connect(sink)
    sink.script = lambda _: Reply(400)
    shop.process(batch(custom_event(), customer="u-1"))
    post.deliver()


def fill(statement: str, table: str) -> None:
    """Add rows, and let the planner know."""
    with connection.cursor() as cursor:
        cursor.execute(statement)
        cursor.execute(f"ANALYZE {table}")


def plan(statement: str, parameters: Mapping[str, Any]) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {statement}", parameters)
        return "\n".join(line for (line,) in cursor.fetchall())


def test_the_attempts_of_an_event(shop: Shop, post: Post, sink: Sink) -> None:
    refuse(shop, post, sink)
    (row,) = post.attempts()
    fill(MANY_ATTEMPTS, "delivery_attempt")

    parameters = {"bucket": row.bucket, "event": row.event_id, "day": row.day, "since": row.at, "most": 200}
    assert "bucket_event_id_idx" in plan(attempts._ATTEMPTS, parameters)
    assert row.event_id is not None
    assert len(attempts.attempts_of(row.bucket, row.event_id, row.at)) == 1
