"""A pipeline process that does what a test says by lines on standard input: `python -m tests.faults.staged_pipeline`

It says "ready", then processes what waits for it as soon as it reads a line. With --hold it says "claimed" when it
has claimed the ids of its chunk, inside the transaction, and goes on when it reads another. At last it says "done".
"""

import argparse
import os
import sys
from contextlib import nullcontext
from datetime import datetime
from uuid import UUID

import django

CLAIMS = "events.steps.drop_duplicates"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--holder", type=UUID, required=True)
    parser.add_argument("--at", type=datetime.fromisoformat)
    parser.add_argument("--hold", action="store_true")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cdp_project.settings")
    django.setup()
    from cdp_project.kernel import clock

    with clock.frozen(options.at) if options.at else nullcontext():
        process(options.holder, holds=options.hold)


def process(holder: UUID, *, holds: bool) -> None:
    from django.conf import settings

    from events.pipeline import Chunk, apply, load_steps
    from events.processing.runner import Runner

    @apply
    def hold(_chunk: Chunk) -> None:
        say_and_wait("claimed")

    steps = load_steps()
    if holds:
        steps.insert(settings.CDP_PIPELINE.index(CLAIMS) + 1, hold)
    runner = Runner(steps, holder)
    say_and_wait("ready")
    runner.drain()
    runner.close()
    print("done", flush=True)


def say_and_wait(word: str) -> None:
    print(word, flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    main()
