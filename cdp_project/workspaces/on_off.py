"""Filters of lists that use the words of their columns."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from django.contrib.admin import BooleanFieldListFilter

IN = "is_active_in_"


class OnOffFilter(BooleanFieldListFilter):
    """On or off: of the thing itself (State), or in one environment."""

    words: ClassVar[Mapping[str, str]] = {"Yes": "On", "No": "Off"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        name = str(self.field_path)
        self.title = name.removeprefix(IN).capitalize() if name.startswith(IN) else "State"

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Django's, in our words."""
        for choice in super().choices(changelist):
            shown = str(choice["display"])
            yield {**choice, "display": self.words.get(shown, shown)}


class BlockedFilter(OnOffFilter):
    """People: active or blocked."""

    words: ClassVar[Mapping[str, str]] = {"Yes": "Active", "No": "Blocked"}
