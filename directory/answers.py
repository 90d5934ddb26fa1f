"""What an HTTP answer usually means for a delivery, so that integrations only say where they differ. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from directory.contracts import Delivered, Delivery, Rejected, RetryLater

RETRIED = frozenset({408, 425, 429})
RETRY_AFTER_MOST_S = 24 * 3600.0


def verdict_for_status(status: int, headers: Mapping[str, str]) -> Delivery:
    """2xx is delivered; 408, 425, 429 and 5xx are tried again; everything else is refused for good.

    A redirect is a refusal: following it could lead into a private network. Header names are in lower case.
    """
    if 200 <= status < 300:
        return Delivered()
    if status in RETRIED or status >= 500:
        return RetryLater(f"http_{status}", retry_after_seconds(headers))
    return Rejected(f"http_{status}")


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Seconds that Retry-After asks for, between 0 and one day; None without it or if it makes no sense.

    A date is read against the answer's own Date, so that nobody's clock but the partner's counts.
    """
    value = headers.get("retry-after", "").strip()
    seconds = float(value) if value.isascii() and value.isdigit() else _until(value, headers.get("date", ""))
    return None if seconds is None else min(max(seconds, 0.0), RETRY_AFTER_MOST_S)


def _until(later: str, date: str) -> float | None:
    try:
        return (_time(later) - _time(date)).total_seconds()
    except (ValueError, OverflowError):
        return None


def _time(text: str) -> datetime:
    at = parsedate_to_datetime(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)
