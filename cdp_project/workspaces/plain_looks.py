"""What every admin page of the console does alike: one way to save, no pop-ups, few scripts, no bulk actions."""

from typing import Any

from django.contrib.admin import ShowFacets
from django.forms import Media
from django.http import HttpRequest


class PlainLooks:
    """To be named before the admin class that it changes."""

    # One object at a time: a selected dozen is deleted by mistake more often than on purpose.
    actions: Any = None
    # Counts beside every filter would cost a query each.
    show_facets: Any = ShowFacets.NEVER

    @property
    def media(self) -> Media:
        # Pages of the console bring their own few scripts.
        return Media()

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        context |= {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().render_change_form(request, context, *args, **kwargs)  # type: ignore[misc]
