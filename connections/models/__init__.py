"""Outputs, connections and what waits for delivery."""

from connections.models.output import Connection, Output
from connections.models.outbox import (
    DeliveryAttempt,
    DeliveryException,
    DeliveryLane,
    ItemState,
    OutboxChunk,
    OutboxDelivery,
    VerdictPartial,
)

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
