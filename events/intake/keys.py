"""Finding the input that a request's key belongs to."""

import threading
import time
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import class_row

from cdp_project.kernel import secretbox
from cdp_project.kernel.database import SteadyConnection
from events import measures
from events.models import InputKind

# What is switched off or ended is refused within two seconds, the time to look it up included.
REMEMBERED_S = 1.5
REMEMBERED_MOST = 10_000
REMEMBERED_AFTER_CLEARING = 9_000
LOOK_UP_WAIT_S = 5.0
KEY_CHARACTERS_MOST = 64

Remembered = tuple[float, "KeyHolder | None"]
"""Until when, on the monotonic clock, and the holder; None for a key that nobody has."""
_NO_KEY: Remembered = (0.0, None)

# Compared with when there is no such key, so that a wrong key takes as long as a wrong secret.
_NO_DIGEST = bytes(32)


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """The input behind a key, as intake needs it."""

    input_id: int
    workspace_id: int
    kind: str
    is_active: bool
    batches_per_second_most: int | None
    acceleration_most: int | None
    secret_digest: bytes
    expires_at: datetime | None

    @property
    def is_limited(self) -> bool:
        """There is something to count for it."""
        return bool(self.batches_per_second_most or self.acceleration_most)

    @property
    def is_feed(self) -> bool:
        """A feed rather than an app."""
        return self.kind == InputKind.FEED

    def is_valid(self, now: datetime) -> bool:
        """The key has not expired."""
        return self.expires_at is None or now < self.expires_at


def secret_fits(holder: KeyHolder | None, secret: str) -> bool:
    """The secret belongs to the key; compared in constant time, also when there is no such key."""
    digest = _NO_DIGEST if holder is None else holder.secret_digest
    return secretbox.same(secretbox.fingerprint(secret), digest)


_QUERY = """
SELECT i.id AS input_id, i.workspace_id, i.kind, i.is_active, i.batches_per_second_most, i.acceleration_most,
       k.secret_digest, k.expires_at
FROM input_key k JOIN input i ON i.id = k.input_id WHERE k.key = %s
"""


class KeyRing:
    """Keys as this process knows them: what was looked up holds for a moment, also that a key is unknown."""

    def __init__(self) -> None:
        self._known: dict[str, Remembered] = {}
        self._lock = threading.Lock()
        self._connection = SteadyConnection(autocommit=True, name="tributary keys")

    def find(self, key: str) -> KeyHolder | None:
        """The holder, None for an unknown key. Raises psycopg.OperationalError when the database is away."""
        if (remembered := self.remembered(key)) is not None:
            return remembered[1]
        # A database that hangs holds one thread here, not all of them.
        if not self._lock.acquire(timeout=LOOK_UP_WAIT_S):
            raise psycopg.OperationalError("The look-up of another key does not end.")
        try:
            return self._look_up(key)
        finally:
            self._lock.release()

    def remembered(self, key: str) -> Remembered | None:
        """Until when the key has which holder, without a look-up; None when it needs one. Never blocks."""
        remembered = self._known.get(key)
        if remembered is not None and remembered[0] >= time.monotonic():
            return remembered
        # No such key can exist; remembering it would take whatever memory a stranger likes.
        return None if 0 < len(key) <= KEY_CHARACTERS_MOST else _NO_KEY

    def __len__(self) -> int:
        return len(self._known)

    def was_known(self, key: str) -> bool:
        """Somebody had the key when it was looked up last, as far as that is remembered."""
        return self._known.get(key, _NO_KEY)[1] is not None

    def _look_up(self, key: str) -> KeyHolder | None:
        # Somebody else may have done so while we waited for the lock.
        if (remembered := self.remembered(key)) is not None:
            return remembered[1]
        # From before the look: what changes while it is taken holds no longer either.
        holds_until = time.monotonic() + REMEMBERED_S
        holder = self._read(key)
        measures.KEY_LOOK_UPS.add(1)
        if len(self._known) >= REMEMBERED_MOST:
            self._make_room()
        self._known[key] = holds_until, holder
        return holder

    def _make_room(self) -> None:
        """Forget what is over and what nobody holds; of the others the oldest, and only as many as must be."""
        now = time.monotonic()
        kept = [(key, entry) for key, entry in self._known.items() if entry[0] >= now and entry[1] is not None]
        self._known = dict(kept[-REMEMBERED_AFTER_CLEARING:])

    def _read(self, key: str) -> KeyHolder | None:
        try:
            cursor = self._connection.get().cursor(row_factory=class_row(KeyHolder))
            return cursor.execute(_QUERY, (key,)).fetchone()
        except psycopg.Error:
            self._connection.drop()
            raise

    def forget(self) -> None:
        """Know nothing, and hold no connection."""
        with self._lock:
            self._known.clear()
            self._connection.drop()
