"""Codes of alerts and what they say in words. Pure.

A code is the fault of a delivery: `http_<status>` for an answer, else one of those registered here. Labels follow
the words that people of this trade know (reference 1.3: 3.2, 3.6).
"""

from http import HTTPStatus

HTTP_PREFIX = "http_"
LABELS: dict[str, str] = {}


def _code(code: str, label: str) -> str:
    LABELS[code] = label
    return code


RETRIES_EXHAUSTED = _code("retries_exhausted", "Retry Count Exceeded")
INEXPRESSIBLE = _code("inexpressible", "Event Cannot Be Expressed")
EVENT_LATE = _code("event_late", "Event Arrived Late")
TIMEOUT = _code("timeout", "Request Timed Out")
CONNECT = _code("connect", "Connection Failed")
BROKEN = _code("broken", "Connection Broken")
DNS = _code("dns", "Host Name Not Resolved")
TLS = _code("tls", "TLS Handshake Failed")
ADDRESS_REFUSED = _code("address_refused", "Address Not Allowed")
BAD_ADDRESS = _code("bad_address", "Invalid Address")
BAD_REQUEST = _code("bad_request", "Invalid Request")
OUTPUT_PAUSED = _code("output_paused", "Output Paused: Nothing Gets Through")
OUTPUT_OFF = _code("output_off", "Output Switched Off With Events Waiting")
CONNECTION_OFF = _code("connection_off", "Connection Switched Off With Events Waiting")
OUTPUT_DELETED = _code("output_deleted", "Output Deleted With Events Waiting")
CONNECTION_DELETED = _code("connection_deleted", "Connection Deleted With Events Waiting")
SETTINGS_UNREADABLE = _code("settings_unreadable", "Settings Cannot Be Read")
INTEGRATION_ERROR = _code("integration_error", "Integration Error")


def alert_label(code: str) -> str:
    """The code in words, for example "429 Too Many Requests"; a code that nobody registered is shown as it is."""
    if code in LABELS:
        return LABELS[code]
    status = code.removeprefix(HTTP_PREFIX)
    if code.startswith(HTTP_PREFIX) and status.isascii() and status.isdigit():
        return _status_label(int(status))
    return code


def _status_label(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status} Unknown Status"
