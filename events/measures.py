"""What intake and processing count and time. For /metrics."""

from cdp_project.kernel.measuring import SECONDS, SIZES, Counter, Gauge, Histogram

ACCEPTED_REQUESTS = Counter("tributary_intake_accepted_requests", "Uploads answered with 202: stored.")
ACCEPTED_EVENTS = Counter("tributary_intake_accepted_events", "Events in them.")
REFUSED_REQUESTS = Counter(
    "tributary_intake_refused_requests", "Uploads that were not taken, by status and code.", ("status", "code")
)
ACCEPT_SECONDS = Histogram(
    "tributary_intake_accept_seconds",
    "From an upload to its commit, of the one that waited longest in each group that was committed together.",
    SECONDS,
)
GROUP_REQUESTS = Histogram("tributary_intake_group_requests", "Uploads committed together.", SIZES)
KEY_LOOK_UPS = Counter("tributary_intake_key_lookups", "Keys of inputs looked up in the database.")
KEYS_REMEMBERED = Gauge("tributary_intake_keys_remembered", "Keys of inputs in the caches of the web processes.")

PROCESSED_EVENTS = Counter("tributary_pipeline_processed_events", "Events taken out of the inbox for good.")
OUTCOMES = Counter(
    "tributary_pipeline_outcomes", "Events by what became of them: stored, or the reason why not.", ("outcome",)
)
CHUNK_EVENTS = Histogram("tributary_pipeline_chunk_events", "Events processed together.", SIZES)
CHUNK_SECONDS = Histogram("tributary_pipeline_chunk_seconds", "Time that a chunk takes, up to its commit.", SECONDS)
