"""Settings that every raw output has (reference 6.9): which events it sends, and what its batches include. Pure."""

import re

from directory.contracts import Field, FieldType, Gather, Settings, SettingsProblem, Wants
from directory.raw_batch import Shape

WHICH, WHAT = "Which events it sends", "What it includes"
AT_ONCE = "none"
UNIQUE_ID_CHARACTERS_MOST = 200
TOGGLES: dict[str, tuple[str, frozenset[str], str]] = {
    "send_custom_events": (
        "Custom events",
        frozenset({"custom_event"}),
        "What you named yourselves, and events of a type that is not known here.",
    ),
    "send_screen_views": ("Screen views", frozenset({"screen_view"}), "Screens and pages that people looked at."),
    "send_commerce_events": (
        "Commerce events",
        frozenset({"commerce_event"}),
        "Purchases, refunds, carts, wish lists, promotions and impressions.",
    ),
    "send_lifecycle_events": (
        "Sessions and application states",
        frozenset({"session_start", "session_end", "application_state_transition", "first_run", "uninstall"}),
        "Start and end of apps and sessions, installs, upgrades and uninstalls.",
    ),
    "send_push_events": (
        "Push messages",
        frozenset({"push_registration", "push_message", "push_reaction"}),
        "Registrations for push messages, and messages sent, received and opened.",
    ),
    "send_crash_reports": ("Crash reports", frozenset({"crash_report", "breadcrumb"}), "Crashes, and what led there."),
    "send_network_events": (
        "Network performance",
        frozenset({"network_performance"}),
        "Requests that the app made, with their duration.",
    ),
    "send_profile_events": ("Sign-ups and logins", frozenset({"profile"}), "Sign-up, login, logout, update, delete."),
    "send_attribute_changes": (
        "User attribute changes",
        frozenset({"user_attribute_change"}),
        "An event for each attribute of a person that became another.",
    ),
    "send_identity_changes": (
        "User identity changes",
        frozenset({"user_identity_change"}),
        "An event for each identity of a person that became another.",
    ),
}
EXCLUDABLE = frozenset(
    {
        "application_info",
        "attribution_info",
        "batch_id",
        "consent_state",
        "context",
        "deleted_user_attributes",
        "device_info",
        "environment",
        "integration_attributes",
        "ip",
        "job_id",
        "mp_deviceid",
        "mpid",
        "partner_identities",
        "schema_version",
        "sdk_version",
        "source_info",
        "source_request_id",
        "system_notifications",
        "timestamp_unixtime_ms",
        "unique_id",
        "user_attributes",
        "user_identities",
    }
)
"""Fields of a batch that may be left out: all but its events."""
WITH_PARTS = frozenset({"application_info", "context", "device_info", "source_info", "user_attributes"})
"""Those of which a part may be left out."""


def _switch(name: str, label: str, text: str, *, on: bool, group: str) -> Field:
    return Field(name, label, FieldType.SWITCH, help=text, default=on, group=group)


GATHER = Field(
    "gather",
    "When it sends",
    FieldType.CHOICE,
    help="Gathered events of one person go out as one batch, in their order. A session is complete when its end "
    "arrives or half an hour passes without an event; events without a session wait for ten minutes.",
    default=AT_ONCE,
    choices=(
        (AT_ONCE, "As soon as events arrive"),
        (Gather.TEN_MINUTES.value, "In batches of about ten minutes"),
        (Gather.SESSION.value, "When a session is complete"),
    ),
)
WHICH_FIELDS = (
    *(_switch(name, label, text, on=True, group=WHICH) for name, (label, _, text) in TOGGLES.items()),
    _switch(
        "send_batches_without_events",
        "Batches without events",
        "Batches that only tell something of a person.",
        on=False,
        group=WHICH,
    ),
)
WHAT_FIELDS = (
    _switch("include_location", "Location", "Where each event happened.", on=True, group=WHAT),
    _switch(
        "include_batch_location",
        "Location of the batch",
        "context.location as well. Without Location it is never sent.",
        on=True,
        group=WHAT,
    ),
    _switch(
        "include_device_ids",
        "Device identities",
        "Advertising ids and the like, and mp_deviceid.",
        on=True,
        group=WHAT,
    ),
    _switch("include_metadata", "Metadata", "application_info, device_info and source_info.", on=True, group=WHAT),
    _switch("include_ip", "IP address", "The address that the client sent from.", on=False, group=WHAT),
    _switch("include_unique_id", "Unique id", "The field unique_id.", on=True, group=WHAT),
    Field(
        "unique_id",
        "Unique id of your app",
        help="Stands in unique_id of every batch. Empty: the id of the request, which is the same when it is repeated.",
        group=WHAT,
    ),
    Field(
        "excluded_fields",
        "Fields left out",
        FieldType.LINES,
        help="Names of batch fields such as ip, or of parts such as device_info.device; separated by commas or lines.",
        group=WHAT,
    ),
)


def wants_of(settings: Settings) -> Wants:
    """What goes out under these settings."""
    off = (types for name, (_, types, _) in TOGGLES.items() if not settings[name])
    return Wants(
        left_out=frozenset[str]().union(*off),
        # What nobody knows the kind of is somebody's own.
        leaves_out_unknown=not settings["send_custom_events"],
        batches_without_events=settings["send_batches_without_events"],
        gather=None if settings["gather"] == AT_ONCE else Gather(settings["gather"]),
    )


def shape_of(settings: Settings) -> Shape:
    """What a batch includes under these settings."""
    return Shape(
        location=settings["include_location"],
        batch_location=settings["include_location"] and settings["include_batch_location"],
        device_ids=settings["include_device_ids"],
        metadata=settings["include_metadata"],
        ip=settings["include_ip"],
        unique_id=(settings["unique_id"] or "") if settings["include_unique_id"] else None,
        excluded=excluded_fields(settings),
    )


def excluded_fields(settings: Settings) -> frozenset[str]:
    """The names in the list of what is left out."""
    listed = settings["excluded_fields"]
    return frozenset(name for name in re.split(r"[,\s]+", listed) if name) if listed else frozenset()


def id_problems(settings: Settings) -> list[SettingsProblem]:
    """A unique id that is too long to stand in every batch."""
    if len(settings["unique_id"] or "") <= UNIQUE_ID_CHARACTERS_MOST:
        return []
    return [SettingsProblem("unique_id", f"The unique id has at most {UNIQUE_ID_CHARACTERS_MOST} characters.")]


def exclusion_problems(settings: Settings) -> list[SettingsProblem]:
    """Names in the list of what is left out that no batch has."""
    unknown = sorted(name for name in excluded_fields(settings) if not _is_excludable(name))
    if not unknown:
        return []
    known = ", ".join(sorted(EXCLUDABLE))
    return [
        SettingsProblem("excluded_fields", f"No batch has {', '.join(unknown)[:200]}. What can be left out: {known}.")
    ]


def _is_excludable(name: str) -> bool:
    field, dot, part = name.partition(".")
    return (field in WITH_PARTS and bool(part)) if dot else field in EXCLUDABLE
