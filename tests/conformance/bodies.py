"""Requests made up from the API schema: a body as an operation wants one, and the parameters that take ids."""

from collections.abc import Callable, Iterator
from typing import Any

from tests.conformance.estate import FIELDS

ValueOf = Callable[[str], str]
PLAIN = {"object": {}, "array": [], "boolean": True, "integer": 1, "number": 1, "string": "word"}


def body_of(schema: dict[str, Any], operation: dict[str, Any], value_of: ValueOf) -> Any:
    """A body as the operation wants one, with all of its fields; every id in it by `value_of` of the field's name."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    return _example(schema, "", content.get("schema", {"type": "object"}), value_of)


def queries_of(operation: dict[str, Any]) -> Iterator[dict[str, str | None]]:
    """Each parameter of the query that takes an id, by itself; None is where the id goes."""
    for each in operation.get("parameters", []):
        if each["in"] == "query" and is_id(each["name"]):
            yield {each["name"]: None, **({"identity_type": "customer_id"} if each["name"] == "identity" else {})}


def is_id(name: str) -> bool:
    """A parameter or field of this name says which thing is meant."""
    return name in FIELDS or name.endswith("_id")


def _example(schema: dict[str, Any], name: str, wanted: dict[str, Any], value_of: ValueOf) -> Any:
    if "$ref" in wanted:
        wanted = schema["components"]["schemas"][wanted["$ref"].rpartition("/")[2]]
    for several in ("allOf", "oneOf", "anyOf"):
        if several in wanted:
            return _example(schema, name, wanted[several][0], value_of)
    if wanted.get("type") == "array":
        return [_example(schema, name.removesuffix("s"), wanted["items"], value_of)]
    if is_id(name):
        return int(value_of(name)) if wanted.get("type") == "integer" else value_of(name)
    if "enum" in wanted:
        return wanted["enum"][0]
    if "properties" in wanted:
        return {each: _example(schema, each, form, value_of) for each, form in wanted["properties"].items()}
    return PLAIN.get(str(wanted.get("type")))
