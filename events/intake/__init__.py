"""From a request to rows in the inbox: keys, limits, group commit. `events.ingest` is the entrance."""
