"""Named values that batches give and take away, whatever order the batches come in. Pure.

What was taken away is remembered with the sequence of acceptance that took it, so that a batch which comes late
does not bring it back. When each value was given is not kept: a late batch overwrites nothing and takes nothing away.
"""

from collections.abc import Collection, Mapping
from typing import Any

FORGOTTEN_MOST = 100
"""Names remembered of one person; the one that was taken away first goes."""

Forgotten = dict[str, int]
"""Names that were taken away lately, with the `accept_seq` of the batch that did it."""


def change(
    values: dict[str, Any],
    forgotten: Forgotten,
    accept_seq: int,
    *,
    is_late: bool,
    given: Mapping[str, Any],
    taken: Collection[str],
    prefix: str = "",
) -> None:
    """Take away and give in `values`; what one batch both takes and gives is given.

    `prefix` tells names apart that several kinds of values share in `forgotten`.
    """
    for name in taken:
        if not is_late:
            values.pop(name, None)
        if name not in values:
            _remember(forgotten, prefix + name, accept_seq)
    for name, value in given.items():
        if is_late and (name in values or forgotten.get(prefix + name, accept_seq) > accept_seq):
            continue
        values[name] = value
        forgotten.pop(prefix + name, None)


def _remember(forgotten: Forgotten, name: str, accept_seq: int) -> None:
    forgotten[name] = max(accept_seq, forgotten.get(name, accept_seq))
    if len(forgotten) > FORGOTTEN_MOST:
        del forgotten[min(forgotten, key=forgotten.__getitem__)]
