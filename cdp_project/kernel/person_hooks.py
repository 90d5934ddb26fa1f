"""What must happen to a person in every app (merge, unmerge, erase, export), as one list in the settings."""

from functools import cache
from importlib import import_module
from typing import Any, Protocol

from django.conf import settings


class PersonHook(Protocol):
    """One app's part; each runs inside the caller's transaction and is idempotent."""

    def merge(self, connection: Any, winner: int, loser: int) -> None: ...
    def unmerge(self, connection: Any, winner: int, loser: int) -> None: ...
    def erase(self, connection: Any, mpid: int) -> None: ...
    def export(self, connection: Any, mpid: int) -> dict[str, Any]: ...


@cache
def person_hooks() -> list[PersonHook]:
    """Objects named by CDP_PERSON_HOOKS, in that order."""
    return [_load(path) for path in settings.CDP_PERSON_HOOKS]


def _load(path: str) -> PersonHook:
    module, _, name = path.rpartition(".")
    hook: PersonHook = getattr(import_module(module), name)
    return hook
