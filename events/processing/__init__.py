"""From the inbox to what is stored: lanes, chunks, isolation, books. `events.steps` are run by it."""
