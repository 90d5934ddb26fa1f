"""Values that are given and taken away: a batch that comes late brings nothing back."""

from dataclasses import dataclass
from typing import Any

from hypothesis import given as for_all
from hypothesis import strategies as st

from identity.forgotten import FORGOTTEN_MOST, Forgotten, change

NAMES = st.sampled_from("abc")


@dataclass(frozen=True)
class Batch:
    """What one batch gives and takes."""

    given: dict[str, int]
    taken: list[str]


BATCHES = st.lists(
    st.builds(Batch, st.dictionaries(NAMES, st.integers(0, 9), max_size=2), st.lists(NAMES, max_size=2, unique=True)),
    min_size=1,
    max_size=8,
)


def apply(order: list[tuple[int, Batch]]) -> tuple[dict[str, Any], Forgotten]:
    """The values and what is remembered after batches with these sequences came in this order."""
    values: dict[str, Any] = {}
    forgotten: Forgotten = {}
    last_seq = -1
    for seq, batch in order:
        change(values, forgotten, seq, is_late=seq < last_seq, given=batch.given, taken=batch.taken)
        last_seq = max(last_seq, seq)
    return values, forgotten


@for_all(BATCHES, st.data())
def test_one_late_batch_changes_nothing_that_a_later_one_decided(batches: list[Batch], data: st.DataObject) -> None:
    late = data.draw(st.integers(0, len(batches) - 1))
    in_order = list(enumerate(batches))
    values, forgotten = apply(in_order)
    others = in_order[:late] + in_order[late + 1 :]
    values_late, forgotten_late = apply([*others, in_order[late]])
    kept, _ = apply(others)

    touched = {*batches[late].given, *batches[late].taken}
    for name in "abc":
        decided_later = any(name in {*batch.given, *batch.taken} for batch in batches[late + 1 :])
        if name in touched and not decided_later and name in kept and late < len(batches) - 1:
            # When it was given is not known any more: the late batch does not overwrite it.
            assert values_late[name] == kept[name]
        else:
            assert values_late.get(name) == values.get(name)
            assert (name in values_late) == (name in values)
            assert forgotten_late.get(name) == forgotten.get(name)


@for_all(BATCHES)
def test_nothing_is_both_there_and_taken_away(batches: list[Batch]) -> None:
    values, forgotten = apply(list(enumerate(batches)))
    assert values.keys().isdisjoint(forgotten)


def test_a_name_given_again_is_no_longer_remembered() -> None:
    values, forgotten = apply([(1, Batch({"a": 1}, [])), (2, Batch({}, ["a"])), (3, Batch({"a": 2}, []))])
    assert (values, forgotten) == ({"a": 2}, {})


def test_late_batches_on_either_side_of_the_deletion() -> None:
    deleted = [(1, Batch({"a": 1}, [])), (5, Batch({}, ["a"])), (9, Batch({"b": 1}, []))]
    assert apply([*deleted, (3, Batch({"a": 3}, []))]) == ({"b": 1}, {"a": 5})
    assert apply([*deleted, (7, Batch({"a": 7}, []))]) == ({"b": 1, "a": 7}, {})


def test_only_the_newest_are_remembered() -> None:
    _, forgotten = apply([(seq, Batch({}, [f"n{seq}"])) for seq in range(FORGOTTEN_MOST + 5)])
    assert len(forgotten) == FORGOTTEN_MOST
    assert min(forgotten.values()) == 5


def test_kinds_of_values_do_not_meet() -> None:
    forgotten: Forgotten = {}
    change({}, forgotten, 5, is_late=False, given={}, taken=["a"], prefix="one.")
    values: dict[str, Any] = {}
    change(values, forgotten, 3, is_late=True, given={"a": 1}, taken=[], prefix="two.")
    assert values == {"a": 1}
