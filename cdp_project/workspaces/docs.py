"""The API schema's last touches: operations by area with a line each, and the headers that every answer has."""

from typing import Any

Schema = dict[str, Any]

AREAS = {
    "Intake": "What clients and SDKs send, in mParticle's Events API. HTTP Basic with an input's key and secret.",
    "Tokens": "Client credentials become a token, and tokens end.",
    "Workspaces": "Workspaces, members, API credentials and the audit log.",
    "Inputs": "Where events come from, and their keys.",
    "Integrations": "What outputs can be made of.",
    "Outputs": "Where events go, and which inputs send there.",
    "Events": "What was stored.",
    "People": "Profiles by identity or MPID.",
    "Deliveries": "What became of events on their way out: counts, faults, attempts, and trying again.",
    "Quarantine": "What could not be processed.",
}
# By the word behind the workspace in the address, or behind /api/v1/.
_AREA_OF = {
    "workspaces": "Workspaces",
    "members": "Workspaces",
    "credentials": "Workspaces",
    "audit-log": "Workspaces",
    "inputs": "Inputs",
    "integrations": "Integrations",
    "outputs": "Outputs",
    "connections": "Outputs",
    "events": "Events",
    "outcomes": "Events",
    "profiles": "People",
    "deliveries": "Deliveries",
    "attempts": "Deliveries",
    "alerts": "Deliveries",
    "verdicts": "Deliveries",
    "quarantine": "Quarantine",
}
OURS = "/api/v1/"
_INSIDE = "/api/v1/workspaces/{workspace_id}/"
_HEADERS = {
    "X-Request-Id": "Yours when you sent a sane one; log lines have it, too.",
    "RateLimit-Limit": "Requests that the credential may make in a minute. Missing while nobody counts.",
    "RateLimit-Remaining": "What is left of them.",
    "RateLimit-Reset": "Seconds until the next minute begins.",
}

DESCRIPTION = """\
Tributary takes events in, knows the person behind them, and sends them where they belong.

Programs show client credentials to `POST /oauth/token` and send the token as `Authorization: Bearer <token>`. A token
carries scopes, as many as the credential's role gives or fewer.

Lists take `limit` and `cursor`, which is `next` of the page before. A parameter that is not known is refused. Refusals
are problems (RFC 9457, `application/problem+json`) with a stable `code`. Unsafe calls take an `Idempotency-Key`; what
can be edited has an `ETag`, and edits take `If-Match`. A `traceparent` (W3C trace context) is answered with our span.
"""


def area_of(path: str) -> str:
    """The tag of an address. Raises KeyError for one of our own that stands in no area yet."""
    if path.startswith("/oauth/"):
        return "Tokens"
    if not path.startswith(OURS):
        return "Intake"
    word = path.removeprefix(_INSIDE).removeprefix(OURS).partition("/")[0]
    return _AREA_OF[word]


def finish(result: Schema, **_given: Any) -> Schema:
    """drf-spectacular's hook: called with the whole schema."""
    result["tags"] = [{"name": name, "description": text} for name, text in AREAS.items()]
    result["components"]["headers"] = {
        name: {"description": text, "schema": {"type": "string" if name.startswith("X") else "integer"}}
        for name, text in _HEADERS.items()
    }
    told = "An input's key as name, its secret as password."
    result["components"]["securitySchemes"]["basicAuth"] = {"type": "http", "scheme": "basic", "description": told}
    for path, operations in result["paths"].items():
        for operation in operations.values():
            operation["tags"] = [area_of(path)]
            operation.setdefault("summary", _first_sentence(operation.get("description", "")))
            if path.startswith(OURS):
                _add_headers(operation)
    return result


def _first_sentence(text: str) -> str:
    return " ".join(text.split()).partition(". ")[0].rstrip(".")


def _add_headers(operation: Schema) -> None:
    for status, answer in operation["responses"].items():
        # Strangers have no budget.
        names = ["X-Request-Id"] if status == "401" else _HEADERS
        known = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
        answer["headers"] = {**answer.get("headers", {}), **known}
