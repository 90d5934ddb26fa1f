"""What the hourly roll-ups count. `label` of each in brackets."""

EVENT = "event"  # [event type and name, see `event_label`] events stored
OUTCOME = "outcome"  # [stored, or a reason of events.reasons] events by what became of them
INSTALL = "install"  # [] app installs: first runs (reference EV 22)
LATE = "late"  # [] batches applied out of order of acceptance
CONFLICT = "conflict"  # [] ids that came again with another body
SESSION = "session"  # [] sessions begun
SESSION_ENDED = "session_ended"  # [] sessions over: by session_end, or idle; in the hour of that
SESSION_SECONDS = "session_seconds"  # [] their length; what moves an end later does not change it
CLIENT_MPID = "client_mpid"  # [] people made for an MPID that a client named and nobody had

STORED = "stored"


def event_label(event_type: str, name: str) -> str:
    """Label of an event in the roll-ups; without a name the type alone."""
    return f"{event_type}:{name}" if name else event_type
