"""Requests that are refused: the statuses and codes that clients act on, and the one body that all SDKs read. Pure."""

import json

from events.batch import BatchError
from events.protocol import IntakeRefusal, Reply
from events.reasons import BATCH_TOO_LARGE

JSON = {"Content-Type": "application/json"}


def error_reply(refusal: IntakeRefusal) -> Reply:
    """The body in which every SDK finds its own spelling of an error (wire.md 2.5)."""
    error = {"code": refusal.code, "message": refusal.message}
    body = json.dumps({"errors": [error], "Errors": [error], **error}).encode()
    return Reply(refusal.status, JSON | refusal.headers, body)


def bad_request(message: str) -> IntakeRefusal:
    return IntakeRefusal(400, "BAD_REQUEST", message)


def unusable(error: BatchError) -> IntakeRefusal:
    """The refusal of a request that is nothing but this batch."""
    return too_large(error.message) if error.code == BATCH_TOO_LARGE else bad_request(error.message)


def no_credentials() -> IntakeRefusal:
    message = "The Authorization header is missing; send Basic with the input's key and secret."
    return IntakeRefusal(401, "UNAUTHORIZED", message, {"WWW-Authenticate": 'Basic realm="Tributary"'})


def wrong_credentials() -> IntakeRefusal:
    """One answer for unknown, expired and mismatched keys, so that it tells nothing about them."""
    return IntakeRefusal(403, "FORBIDDEN", "Key and secret do not belong to an input; check them under Inputs.")


def input_off() -> IntakeRefusal:
    return IntakeRefusal(403, "FORBIDDEN", "The input is switched off; switch it on under Inputs.")


def not_found(message: str) -> IntakeRefusal:
    return IntakeRefusal(404, "NOT_FOUND", message)


def not_post() -> IntakeRefusal:
    return IntakeRefusal(405, "METHOD_NOT_ALLOWED", "Send a POST.", {"Allow": "POST"})


def too_slow() -> IntakeRefusal:
    return IntakeRefusal(408, "REQUEST_TIMEOUT", "The body did not arrive in time; send it again.")


def too_large(message: str) -> IntakeRefusal:
    return IntakeRefusal(413, "REQUEST_TOO_LARGE", message)


def unknown_encoding(encoding: str) -> IntakeRefusal:
    message = f"Content-Encoding {encoding[:40]!r} is not understood; send the body plain or as gzip."
    return IntakeRefusal(415, "UNSUPPORTED_ENCODING", message, {"Accept-Encoding": "gzip"})


def over_limit(which: str, message: str, after_s: int) -> IntakeRefusal:
    """`which` is feed, app or acceleration (reference 2.1.2)."""
    headers = {"Retry-After": str(after_s), "X-mp-rate-limit-exceeded": which}
    return IntakeRefusal(429, "TOO_MANY_REQUESTS", message, headers)


def unavailable(message: str, after_s: int = 5) -> IntakeRefusal:
    """Nothing is known to be stored; the client should send the same again."""
    return IntakeRefusal(503, "UNAVAILABLE", message, {"Retry-After": str(after_s)})


def store_away() -> IntakeRefusal:
    return unavailable("The store is away. Send the same again.")
