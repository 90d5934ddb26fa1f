"""W3C trace context: which trace a request belongs to, and our own span in it. Pure, but for the span's number."""

import re
import secrets
from dataclasses import dataclass

_TRACEPARENT = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<parent>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})(?P<more>-.*)?"
)
_SAMPLED = 0x01
_CHARACTERS_MOST = 200


@dataclass(frozen=True, slots=True)
class Span:
    """What we do for one request of a trace; both ids in hexadecimal."""

    trace_id: str
    span_id: str
    is_sampled: bool

    @property
    def traceparent(self) -> str:
        """The header that names this span to others, in version 00."""
        return f"00-{self.trace_id}-{self.span_id}-{_SAMPLED if self.is_sampled else 0:02x}"


def span_in(traceparent: str) -> Span | None:
    """A new span in the trace of that header; None when the header is not valid (Trace Context 1, 3.2.2)."""
    found = _TRACEPARENT.fullmatch(traceparent) if len(traceparent) <= _CHARACTERS_MOST else None
    if found is None or found["version"] == "ff" or (found["version"] == "00" and found["more"]):
        return None
    if not int(found["trace"], 16) or not int(found["parent"], 16):
        return None
    return Span(found["trace"], secrets.token_hex(8), bool(int(found["flags"], 16) & _SAMPLED))
