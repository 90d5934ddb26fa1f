"""Why something did not simply go through: every reason code in one place, with its sentence."""

REASONS: dict[str, str] = {}
QUARANTINE_REASONS: list[str] = []
"""Those for which a batch is put aside, to be looked at and tried again or discarded."""


def _reason(code: str, sentence: str, *, quarantines: bool = False) -> str:
    REASONS[code] = sentence
    if quarantines:
        QUARANTINE_REASONS.append(code)
    return code


DUPLICATE = _reason("duplicate", "The same id was processed before.")
MALFORMED = _reason("malformed", "The batch could not be read.", quarantines=True)
BATCH_TOO_LARGE = _reason("batch_too_large", "The batch is larger than 128 KB.", quarantines=True)
POISON = _reason("poison", "Processing the batch failed again and again.", quarantines=True)
DISCARDED = _reason("discarded", "The batch was in quarantine, and a person discarded it.")
INPUT_DELETED = _reason("input_deleted", "The input was deleted while the batch waited.", quarantines=True)
TOO_MANY_NAMES = _reason("too_many_names", "The workspace has its 1,000 distinct event names.")
NOT_HISTORICAL = _reason("not_historical", "Historical batches need events, all with times older than 72 hours.")
TOO_MANY_CLIENT_MPIDS = _reason(
    "too_many_client_mpids",
    "The input named too many MPIDs in a minute that nobody has; the batch can be retried.",
    quarantines=True,
)
PERSON_UNKNOWN = _reason("person_unknown", "The input may not create profiles, and this person has none.")
HISTORICAL = _reason("historical", "Historical data is not sent to event outputs.")
OUTPUT_OFF = _reason("output_off", "The output was off.")
CONNECTION_OFF = _reason("connection_off", "The connection was off.")
UNSUPPORTED = _reason("unsupported", "The integration does not take this kind of event.")
TYPE_OFF = _reason("type_off", "The output's settings leave out this kind of event.")
TOO_OLD = _reason("too_old", "The event was older than the output takes.")
OUTPUT_DELETED = _reason("output_deleted", "The output was deleted while the event waited.")
CONNECTION_DELETED = _reason("connection_deleted", "The connection was deleted while the event waited.")
RETRYING = _reason("retrying", "The partner could not take it yet; it will be tried again.")
HELD = _reason("held", "It waits behind an earlier event of the same person.")
PARKED = _reason("parked", "Tried for 72 hours without success; kept for 30 days and replayable.")
REJECTED = _reason("rejected", "The partner refused it.")
OUTPUT_PAUSED = _reason("output_paused", "The partner took nothing from anybody, so the output paused.")
GATHERING = _reason("gathering", "It is gathered with later events of the same person before it is sent.")
QUEUED = _reason(
    "queued",
    "It waits for its turn: the output is busy, keeps a pace, or pauses because nothing gets through.",
)
INEXPRESSIBLE = _reason("inexpressible", "The integration cannot make a request of the event.")
