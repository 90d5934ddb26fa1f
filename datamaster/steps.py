"""The pipeline step of this app."""

from collections import defaultdict
from functools import partial

from cdp_project.kernel.outcome import Drop
from datamaster.catalogue import admit_new, catalogue
from datamaster.names import Name, is_counted
from events.pipeline import Chunk, EventItem, apply
from events.reasons import TOO_MANY_NAMES

Named = list[tuple[Name, EventItem]]


@apply
def admit_names(chunk: Chunk) -> None:
    """Drop events whose name would be the 1,001st of the workspace; earlier names go on (reference 3)."""
    # Sorted: two processes with new names for the same two workspaces must lock them in the same order.
    for workspace_id, named in sorted(_counted(chunk).items()):
        known = catalogue.of(workspace_id)
        if all(known.is_settled(name) for name, _ in named):
            _drop_unknown(named, known.names)
        else:
            _drop_unknown(named, _admit(chunk, workspace_id, named))


def _counted(chunk: Chunk) -> dict[int, Named]:
    found: dict[int, Named] = defaultdict(list)
    for context in chunk.open():
        for item in context.open_items():
            name = item.event.event_type, item.event.name
            if is_counted(name):
                found[context.accepted.workspace_id].append((name, item))
    return found


def _admit(chunk: Chunk, workspace_id: int, named: Named) -> set[Name]:
    admission = admit_new(chunk.transaction, workspace_id, [name for name, _ in named], chunk.now)
    remember = partial(catalogue.remember, workspace_id, admission.names, is_full=admission.is_full)
    chunk.after_commit.append(remember)
    return admission.names


def _drop_unknown(named: Named, names: set[Name]) -> None:
    for name, item in named:
        if name not in names:
            item.outcome = Drop(TOO_MANY_NAMES)
