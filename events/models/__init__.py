"""Tables of intake and of stored events."""

from events.models.event import Quarantined, StoredBatch, StoredEvent
from events.models.inbox import InboxRow, Lane, Seen
from events.models.input import Input, InputKey, InputKind, Platform, Protection
from events.models.probe import StoreProbe
from events.models.rollup import ActiveDay, ActivePartial, RollupHour, RollupPartial
from events.models.session import Session

__all__ = [
    "ActiveDay",
    "ActivePartial",
    "InboxRow",
    "Input",
    "InputKey",
    "InputKind",
    "Lane",
    "Platform",
    "Protection",
    "Quarantined",
    "RollupHour",
    "RollupPartial",
    "Seen",
    "Session",
    "StoreProbe",
    "StoredBatch",
    "StoredEvent",
]
