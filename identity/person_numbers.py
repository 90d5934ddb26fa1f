"""Dense numbers of people, for bitmaps: each process takes blocks of them from the counter."""

import threading

from cdp_project.kernel.database import SteadyConnection

BLOCK = 100
"""Numbers taken at once; what a process does not use up before it ends is never given."""

_TAKE = """
INSERT INTO person_counter (workspace_id, environment, next_no) VALUES (%(workspace)s, %(environment)s, %(count)s)
ON CONFLICT (workspace_id, environment) DO UPDATE SET next_no = person_counter.next_no + %(count)s
RETURNING next_no
"""


class PersonNumbers:
    """Numbers from 0 on, in each workspace and environment.

    The counter moves in a transaction of its own: the row is everybody's, and a chunk must not hold it.
    """

    def __init__(self) -> None:
        self._blocks: dict[tuple[int, int], range] = {}
        self._connection = SteadyConnection(autocommit=True, name="tributary person numbers")
        self._lock = threading.Lock()

    def take(self, workspace_id: int, environment: int, count: int) -> list[int]:
        """So many numbers that nobody else has."""
        with self._lock:
            return self._take(workspace_id, environment, count)

    def _take(self, workspace_id: int, environment: int, count: int) -> list[int]:
        block = self._blocks.get((workspace_id, environment), range(0))
        numbers = list(block[:count])
        block = block[count:]
        if missing := count - len(numbers):
            block = self._new_block(workspace_id, environment, missing + BLOCK)
            numbers += block[:missing]
            block = block[missing:]
        self._blocks[workspace_id, environment] = block
        return numbers

    def _new_block(self, workspace_id: int, environment: int, count: int) -> range:
        parameters = {"workspace": workspace_id, "environment": environment, "count": count}
        row = self._connection.get().execute(_TAKE, parameters).fetchone()
        end = int(str(row[0])) if row is not None else 0
        return range(end - count, end)

    def forget(self) -> None:
        """Give back the connection, and the rest of the blocks to nobody."""
        self._blocks.clear()
        self._connection.drop()


person_numbers = PersonNumbers()
"""The process's own."""
