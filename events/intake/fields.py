"""A request's header and query fields, as every way into the intake reads them. Pure."""

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl

# No client sends ten; what comes after is not read.
QUERY_FIELDS_MOST = 100
_NONE: Mapping[str, str] = {}


def query_fields(raw: bytes) -> Mapping[str, str]:
    """Fields of a query string by name; of one that is repeated the last. Never raises."""
    if not raw:
        return _NONE
    beginning = b"&".join(raw.split(b"&", QUERY_FIELDS_MOST)[:QUERY_FIELDS_MOST])
    return dict(parse_qsl(beginning.decode("utf-8", "replace"), keep_blank_values=True))


def header_fields(raw: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """Header fields by name, both as they came in ASGI: names in lower case. Repeated ones are joined by commas."""
    fields = {name.decode("latin-1"): value.decode("latin-1") for name, value in raw}
    return fields if len(fields) == len(raw) else _joined(raw)


def _joined(raw: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for raw_name, raw_value in raw:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        fields[name] = f"{fields[name]},{value}" if name in fields else value
    return fields
