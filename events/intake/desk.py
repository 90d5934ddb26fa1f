"""What one web process takes requests in with: known keys, backpressure, numbers, the group commit."""

import os
from collections.abc import Sequence

from cdp_project.kernel import clock
from cdp_project.kernel.database import Connection
from cdp_project.kernel.failpoints import failpoint
from cdp_project.kernel.wake import waker
from events import measures
from events.intake import inbox
from events.intake.backpressure import Backpressure
from events.intake.group_commit import GroupCommit
from events.intake.inbox import NewBatch
from events.intake.keys import KeyRing


class Desk:
    """What one process takes requests in with. Connections and threads are made when they are needed."""

    def __init__(self) -> None:
        self.keys = KeyRing()
        self.backpressure = Backpressure()
        self.sequence = inbox.AcceptSequence()
        self.group_commit = GroupCommit(self._write, self.sequence.draw_slot)

    def _write(self, connection: Connection, batches: Sequence[NewBatch]) -> None:
        failpoint("intake.before_insert")
        inbox.insert(connection, batches, self.sequence, clock.now())
        failpoint("intake.after_commit")
        waker.hint("pipeline")

    def start_anew(self) -> None:
        """After a fork: the child shares neither connections nor threads nor numbers with its parent."""
        vars(self).update(vars(Desk()))


desk = Desk()
os.register_at_fork(after_in_child=desk.start_anew)
measures.KEYS_REMEMBERED.read = lambda: {(): float(len(desk.keys))}
