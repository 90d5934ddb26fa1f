"""Every address of the URLconf, as routes with their methods, and how to fill them in."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

API, ADMIN = "api/v1/", "admin/"
METHODS = ("get", "post", "put", "patch", "delete")
# In front of each placeholder the word that tells what it is of: inputs/<str:input_id> is an id of inputs.
PLACEHOLDER = re.compile(r"(?:(?P<word>[\w-]+)/)?<(?:\w+:)?(?P<name>\w+)>")


@dataclass(frozen=True)
class Route:
    """One address, with placeholders, and what answers there."""

    text: str
    view: Any

    def __str__(self) -> str:
        return self.text

    @property
    def methods(self) -> list[str]:
        """The methods of an API view, in small letters."""
        actions: Mapping[str, str] | None = getattr(self.view, "actions", None)
        return [each for each in METHODS if (each in actions if actions else hasattr(self.view.cls, each))]

    @property
    def words(self) -> list[str]:
        """What its placeholders are of."""
        return [found["word"] or "" for found in PLACEHOLDER.finditer(self.text)]

    @property
    def in_schema(self) -> str:
        """As the API schema writes it."""
        return "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", self.text)

    def address(self, value_of: Callable[[str], str]) -> str:
        """With each placeholder filled by the word that tells what it is of."""
        filled = PLACEHOLDER.sub(lambda found: f"{found['word']}/{value_of(found['word'])}", self.text)
        return "/" + filled


def routes(below: str = "") -> list[Route]:
    """Those that begin so."""
    return [route for route in _walk(get_resolver().url_patterns, "") if route.text.startswith(below)]


def _walk(patterns: list[URLPattern | URLResolver], before: str) -> Iterator[Route]:
    for each in patterns:
        text = before + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from _walk(each.url_patterns, text)
        else:
            yield Route(text, each.callback)
