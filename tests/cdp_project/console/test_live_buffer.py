"""The live page's buffer: bounded rows, true counts, gaps that are noticed."""

from typing import Any

from cdp_project.console.live_buffer import ROWS_KEPT, ROWS_SENT, SENDERS_KEPT, LiveBuffer


def frame(seq: int, count: int = 1, rows: int = 1, sender: str = "a", stopped: int = 0) -> dict[str, Any]:
    counts = {"stored": count, "stopped": stopped}
    return {"seq": seq, "sender": sender, "counts": counts, "sample": [{"name": f"{seq}.{n}"} for n in range(rows)]}


def test_nothing_happened_says_nothing() -> None:
    assert LiveBuffer().take() is None


def test_rows_are_bounded_and_the_count_is_true() -> None:
    buffer = LiveBuffer()
    for seq in range(1, 1001):
        buffer.add(frame(seq, count=5000, rows=20, stopped=2))
        assert len(buffer.rows) <= ROWS_KEPT
    message = buffer.take()
    assert message is not None
    assert message["counts"] == {"stored": 5_000_000, "stopped": 2000}
    assert len(message["rows"]) == ROWS_SENT
    assert message["rows"][-1] == {"name": "1000.19"}
    assert not message["has_missed"]
    assert buffer.take() is None


def test_a_jump_in_the_sequence_is_told_once() -> None:
    buffer = LiveBuffer()
    for seq in (7, 8, 10):
        buffer.add(frame(seq))
    first = buffer.take()
    buffer.add(frame(11))
    second = buffer.take()
    assert first is not None
    assert first["has_missed"]
    assert second is not None
    assert not second["has_missed"]


def test_each_process_counts_for_itself() -> None:
    buffer = LiveBuffer()
    for seq in (1, 2, 3):
        buffer.add(frame(seq, sender="a"))
        buffer.add(frame(seq + 40, sender="b"))
    message = buffer.take()
    assert message is not None
    assert not message["has_missed"]
    assert message["counts"]["stored"] == 6


def test_processes_that_come_and_go_do_not_pile_up() -> None:
    buffer = LiveBuffer()
    for number in range(3 * SENDERS_KEPT):
        buffer.add(frame(1, sender=str(number)))
    assert len(buffer._last_seq) <= SENDERS_KEPT


def test_a_batch_without_events_that_was_refused_is_shown() -> None:
    buffer = LiveBuffer()
    buffer.add(frame(1, count=0, rows=1))
    message = buffer.take()
    assert message is not None
    assert message["rows"] == [{"name": "1.0"}]
