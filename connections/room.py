"""How much of what waits is taken in hand at once: so much of a lane, and so much of all lanes of a process. Pure."""

from dataclasses import dataclass

# Of the JSON of all chunks in hand; unpacked they take several times as much.
HAND_BYTES_MOST = 64_000_000
CHUNKS_MOST = 8


@dataclass(slots=True)
class Hand:
    """What the process may still take in hand."""

    bytes_left: int = HAND_BYTES_MOST


@dataclass(slots=True)
class Room:
    """What one lane may still take in: chunks, as long as there is room before each of them.

    A lane that `is_empty` takes one in any case, so that what others have in hand never keeps it from moving on.
    """

    hand: Hand
    items_left: int
    bytes_left: int
    is_empty: bool
    chunks_left: int = CHUNKS_MOST

    @property
    def is_left(self) -> bool:
        """Whether another chunk may be taken in."""
        return self.is_empty or min(self.items_left, self.bytes_left, self.chunks_left, self.hand.bytes_left) > 0

    def takes(self, items: int, size: int) -> bool:
        """Take in a chunk of so many items and bytes of JSON, if there is room."""
        if not self.is_left:
            return False
        self.is_empty = False
        self.items_left -= items
        self.bytes_left -= size
        self.chunks_left -= 1
        self.hand.bytes_left -= size
        return True
