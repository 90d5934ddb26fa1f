"""What is done by the clock, for the operator: each chore with its last run."""

from dataclasses import dataclass

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from cdp_project.kernel import chores, clock
from cdp_project.kernel.chores import ChoreState
from cdp_project.kernel.database import djangos_own
from cdp_project.workspaces.seat import seat_of


@dataclass(frozen=True, slots=True)
class Row:
    """One chore as the table shows it; `is_good` chooses the colour of its state."""

    name: str
    period: str
    state: str
    is_good: bool
    known: ChoreState


def list_chores(request: HttpRequest) -> HttpResponse:
    """Of the installation: inside a workspace there is no such page, and others than the operator have none."""
    if not request.user.is_superuser or seat_of(request) is not None:
        raise Http404
    now = clock.now()
    with djangos_own() as connection:
        known = chores.states(connection)
    rows = [_row(each, is_late=each.is_late(now)) for each in known]
    return TemplateResponse(
        request, "console/chores.html", {**admin.site.each_context(request), "title": "Chores", "rows": rows}
    )


def _row(known: ChoreState, *, is_late: bool) -> Row:
    last = known.last
    if is_late:
        state = "Late"
    elif last is None:
        state = "Not due yet"
    else:
        state = last.outcome.capitalize()
    is_good = not is_late and (last is None or last.outcome != chores.FAILED)
    return Row(_readable(known.name), _period(known.period.total_seconds()), state, is_good, known)


def _readable(name: str) -> str:
    """`Compact counts (events)` of events.tasks.compact_counts."""
    *folders, _, task = name.split(".")
    return f"{task.replace('_', ' ').capitalize()} ({folders[-1]})"


def _period(seconds: float) -> str:
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds % length == 0:
            return f"{seconds / length:g} {unit}"
    return f"{seconds:g} s"
