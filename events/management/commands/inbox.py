"""Show the lanes: what waits in each, for how long, who works it, why one is halted; and what was not stored."""

import json
from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cdp_project.kernel import clock
from cdp_project.kernel.database import connect
from cdp_project.kernel.wake import waker
from events.processing import lanes
from events.processing.backlog import LaneState, lane_states
from events.processing.not_stored import NotStored, not_stored

HEADINGS = ("lane", "batches", "events", "oldest", "state")


class Command(BaseCommand):
    help = "Shows what waits in each lane, and what was not stored. --resume lets halted lanes be worked again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
        parser.add_argument("--resume", metavar="LANE", help="number of a halted lane, or 'all'")

    def handle(self, **options: Any) -> None:
        with connect(autocommit=True, name="tributary inbox") as connection:
            if options["resume"] is not None:
                resumed = lanes.resume(connection, _lane(options["resume"]))
                waker.hint("pipeline")
                self.stderr.write(f"{resumed} lane{'' if resumed == 1 else 's'} resumed.")
            now = clock.now()
            states, lost = lane_states(connection, now), not_stored(connection, now)
        if options["json"]:
            self.stdout.write(json.dumps(_as_object(states, now) | _lost_as_object(lost)))
        else:
            self.stdout.write("\n".join([_as_table(states, now), *_lost_as_lines(lost)]))


def _lane(word: str) -> int | None:
    if word == "all":
        return None
    if not word.isdigit():
        raise CommandError(f"--resume takes the number of a lane or 'all', not {word!r}.")
    return int(word)


def _lost_as_object(lost: NotStored) -> dict[str, Any]:
    return {"quarantined_batches": lost.quarantined_batches, "events_not_stored_24h": lost.events_24h}


def _lost_as_lines(lost: NotStored) -> list[str]:
    return [
        f"Batches in quarantine: {_by_reason(lost.quarantined_batches)}.",
        f"Events not stored in the last 24 hours: {_by_reason(lost.events_24h)}.",
    ]


def _by_reason(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in counts.items()) or "none"


def _as_object(states: list[LaneState], now: datetime) -> dict[str, Any]:
    entries = [
        {
            "lane": state.bucket,
            "batches": state.batches,
            "events": state.events,
            "oldest_age_s": state.oldest_age_s(now),
            "leased_until": state.leased_until.isoformat() if state.leased_until else None,
            "halted_at": state.halted_at.isoformat() if state.halted_at else None,
            "halted_reason": state.halted_reason,
        }
        for state in states
    ]
    ages = [age for state in states if (age := state.oldest_age_s(now)) is not None]
    totals = {
        "batches": sum(state.batches for state in states),
        "events": sum(state.events for state in states),
        "oldest_age_s": max(ages, default=None),
    }
    return {"lanes": entries, **totals}


def _as_table(states: list[LaneState], now: datetime) -> str:
    rows = [HEADINGS, *(_cells(state, now) for state in states)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(HEADINGS) - 1)]
    lines = [
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=False)) + f"  {row[-1]}" for row in rows
    ]
    total = (
        f"{sum(state.batches for state in states)} batches with {sum(state.events for state in states)} events wait."
    )
    return "\n".join([*lines, total])


def _cells(state: LaneState, now: datetime) -> tuple[str, ...]:
    age = state.oldest_age_s(now)
    return (
        str(state.bucket),
        str(state.batches),
        str(state.events),
        "-" if age is None else f"{age:.1f} s",
        _state(state),
    )


def _state(state: LaneState) -> str:
    if state.halted_at is not None:
        return f"HALTED since {state.halted_at:%Y-%m-%d %H:%M:%S}: {state.halted_reason}"
    return "working" if state.leased_until is not None else "idle"
