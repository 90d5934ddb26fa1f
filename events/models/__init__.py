"""Tables of intake and of stored events."""

from events.models.event import Quarantined, StoredBatch, StoredEvent
from events.models.inbox import InboxRow, Lane, Seen
from events.models.input import Input, InputKey, InputKind, Platform, Protection
from events.models.probe import StoreProbe
from events.models.rollup import RollupPartial

__all__ = [
    "InboxRow",
    "Input",
    "InputKey",
    "InputKind",
    "Lane",
    "Platform",
    "Protection",
    "Quarantined",
    "RollupPartial",
    "Seen",
    "StoreProbe",
    "StoredBatch",
    "StoredEvent",
]
