"""Outputs, connections and what waits for delivery."""

from connections.models.alert import AlertAcknowledgement, AlertHour, AlertLevel, AlertPartial
from connections.models.gone import GoneConnection
from connections.models.outbox import (
    DeliveryAttempt,
    DeliveryException,
    DeliveryLane,
    ItemState,
    OutboxChunk,
    OutboxDelivery,
    VerdictHour,
    VerdictPartial,
)
from connections.models.output import Connection, Output

__all__ = [
    "AlertAcknowledgement",
    "AlertHour",
    "AlertLevel",
    "AlertPartial",
    "Connection",
    "DeliveryAttempt",
    "DeliveryException",
    "DeliveryLane",
    "GoneConnection",
    "ItemState",
    "OutboxChunk",
    "OutboxDelivery",
    "Output",
    "VerdictHour",
    "VerdictPartial",
]
