"""Which names count against the limit of a workspace, and which new ones there is room for. Pure."""

from collections.abc import Iterable

NAMES_MOST = 1000
"""Distinct event and screen names of a workspace (reference 3)."""

Name = tuple[str, str]
"""Event type and name."""

_WITHOUT_NAME = (
    "session_start session_end first_run push_registration push_reaction opt_out crash_report network_performance "
    "breadcrumb user_attribute_change user_identity_change uninstall pre_attribution"
)
_WORDS = {
    "commerce_event": "add_to_cart remove_from_cart checkout checkout_option click view_detail purchase refund "
    "add_to_wishlist remove_from_wish_list view impression",
    "application_state_transition": "application_initialized application_exit application_background "
    "application_foreground",
    "push_message": "sent received action",
    "profile": "signup login logout update delete",
}
GIVEN_NAMES: frozenset[Name] = frozenset(
    {(event_type, "") for event_type in (*_WITHOUT_NAME.split(), *_WORDS)}
    | {(event_type, word) for event_type, words in _WORDS.items() for word in words.split()}
)
"""Names that the Events API itself gives (reference 2.1.7): few, known, and never counted.

Every other name is a stranger's invention, whatever the event type, and has to be bounded.
"""


def is_counted(name: Name) -> bool:
    """The name counts against the limit."""
    return name not in GIVEN_NAMES


def admit(new: Iterable[Name], names_count: int) -> list[Name]:
    """Those of the new names that still fit, first come, first served."""
    distinct = list(dict.fromkeys(new))
    return distinct[: max(0, NAMES_MOST - names_count)]
