"""What can be wrong with a batch that is taken all the same: every violation code with its sentence. Pure."""

VIOLATIONS: dict[str, str] = {}


def _violation(code: str, sentence: str) -> str:
    VIOLATIONS[code] = sentence
    return code


TEXT_UNSTORABLE = _violation("text_unstorable", "A NUL or half a surrogate pair became U+FFFD.")
INTEGER_TOO_LARGE = _violation("integer_too_large", "A whole number beyond 64 bits was kept as text.")
NAME_CUT = _violation("name_cut", "A name was cut to 256 characters.")
NAME_TAKEN = _violation("name_taken", "Two names are the same after cutting; the first in order was kept.")
TOO_MANY_ATTRIBUTES = _violation("too_many_attributes", "More than 100 attributes; the first 100 by name were kept.")
VALUE_TOO_LONG = _violation("value_too_long", "A value longer than its limit was left out.")
VALUE_FLATTENED = _violation("value_flattened", "A nested value was kept as JSON text.")
LIST_TOO_LONG = _violation("list_too_long", "A list attribute has more than 1,000 entries; the first were kept.")
WRONG_KIND = _violation("wrong_kind", "A field of another kind than its name says was left out.")
IDENTITY_TYPE_UNKNOWN = _violation("identity_type_unknown", "Nobody knows this identity type; it was left out.")
IDENTITY_MEANINGLESS = _violation("identity_meaningless", "The value names nobody (empty, null, 0, ...).")
EVENT_TYPE_UNKNOWN = _violation("event_type_unknown", "The Events API knows no such event type.")
MORE = _violation("more", "More was wrong than the hundred places that are told.")
FIELD_MISSING = _violation("field_missing", "A field that belongs to it is missing.")
VALUE_UNKNOWN = _violation("value_unknown", "The Events API knows no such value; it was kept.")
TIME_UNUSABLE = _violation("time_unusable", "The event's time is no time; reception counts.")
