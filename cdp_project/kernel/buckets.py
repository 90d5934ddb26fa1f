"""Buckets and ids that carry them: the low-level addresses of everything that belongs to a person.

A bucket is one of 4,096 for ever (distributed.md 3, rule 1). It is the first column of every per-person
key, so that the same tables can be spread over machines.
"""

import hashlib
import random
import secrets
from datetime import UTC, date, datetime
from uuid import UUID

BUCKETS = 4096
BUCKET_MASK = BUCKETS - 1
MPID_BITS = 53  # JavaScript rounds larger integers


def digest(*parts: str) -> bytes:
    """16 bytes that stand for the parts; the parts cannot run into each other."""
    raw = [part.encode("utf-8", "surrogatepass") for part in parts]
    framed = b"".join([len(each).to_bytes(4, "big") + each for each in raw])
    return hashlib.blake2b(framed, digest_size=16).digest()


def bucket_of_digest(value: bytes) -> int:
    """Bucket of a value that is known by its digest."""
    return int.from_bytes(value[:2], "big") & BUCKET_MASK


def bucket_of_mpid(mpid: int) -> int:
    """The low 12 bits, also of a negative MPID."""
    return mpid & BUCKET_MASK


def bucket_of_number(number: int) -> int:
    """Bucket of what is known by a small number that was given in order: a row of configuration."""
    return number & BUCKET_MASK


def new_mpid() -> int:
    """A fresh MPID within 1..2^53-1; its low 12 bits are its bucket."""
    return secrets.randbelow((1 << MPID_BITS) - 1) + 1


def time_ordered_id(at: datetime, bucket: int) -> UUID:
    """An id in UUIDv7 layout: acceptance time in 48 bits, the bucket in `rand_a`, 62 random bits."""
    # Chance makes it unique, not secret: the operating system need not be asked.
    return UUID(int=_id_head(at, bucket) | random.getrandbits(62))


def time_ordered_ids(at: datetime, bucket: int, count: int) -> list[UUID]:
    """Ids as `time_ordered_id` gives them that sort in the order of the list (up to 16,384 of them)."""
    head = _id_head(at, bucket)
    random_bits = secrets.randbits(48 * count) if count else 0
    return [
        UUID(int=head | (place & 0x3FFF) << 48 | random_bits >> 48 * place & 0xFFFF_FFFF_FFFF) for place in range(count)
    ]


def _id_head(at: datetime, bucket: int) -> int:
    return int(at.timestamp() * 1000) << 80 | 0x7 << 76 | bucket << 64 | 0b10 << 62


def first_id_at(at: datetime) -> UUID:
    """What no id that `time_ordered_id` makes from that millisecond on lies before."""
    return UUID(int=max(0, int(at.timestamp() * 1000)) << 80)


def time_of_id(value: UUID) -> datetime:
    """When an id was made by `time_ordered_id`, to the millisecond."""
    return datetime.fromtimestamp((value.int >> 80) / 1000, UTC)


def bucket_of_id(value: UUID) -> int:
    """Bucket that an id made by `time_ordered_id` carries."""
    return value.int >> 64 & BUCKET_MASK


def day_of_id(value: UUID) -> date:
    """UTC day of acceptance that an id made by `time_ordered_id` carries.

    Raises ValueError when the id is no such id and its time lies outside the calendar.
    """
    try:
        return time_of_id(value).date()
    except (OverflowError, OSError) as error:
        raise ValueError(f"{value} carries no day") from error
