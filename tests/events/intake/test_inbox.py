"""Numbers that order what was accepted."""

from datetime import UTC, datetime, timedelta

from events.intake.inbox import AcceptSequence, accepted_at

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_numbers_grow_though_the_clock_stands_or_goes_back() -> None:
    sequence = AcceptSequence()
    times = [NOW, NOW, NOW - timedelta(hours=1), NOW - timedelta(hours=1), NOW + timedelta(seconds=1)]

    numbers = [sequence.next(at) for at in times]

    assert numbers == sorted(set(numbers))
    assert accepted_at(numbers[0]) == NOW
    assert accepted_at(numbers[-1]) == NOW + timedelta(seconds=1)


def test_numbers_of_one_process_share_its_slot() -> None:
    sequence = AcceptSequence()

    assert len({sequence.next(NOW) % 64 for _ in range(10)}) == 1


def test_another_slot_keeps_the_order() -> None:
    sequence = AcceptSequence()
    numbers = []
    for _ in range(200):
        numbers.append(sequence.next(NOW))
        sequence.draw_slot()

    assert numbers == sorted(set(numbers))
    assert len({number % 64 for number in numbers}) > 10
