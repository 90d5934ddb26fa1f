"""Outputs, connections and what waits for delivery."""

from connections.models.outbox import (
    DeliveryAttempt,
    DeliveryException,
    DeliveryLane,
    ItemState,
    OutboxChunk,
    OutboxDelivery,
    VerdictPartial,
)
from connections.models.output import Connection, Output

__all__ = [
    "Connection",
    "DeliveryAttempt",
    "DeliveryException",
    "DeliveryLane",
    "ItemState",
    "OutboxChunk",
    "OutboxDelivery",
    "Output",
    "VerdictPartial",
]
