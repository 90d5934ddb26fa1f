"""A delivery loop looks for work at once when it is told after a calm time, and not for every hint when many come."""

from connections.looks import EVERY_S, HINTED_EVERY_S, TIMES_ITS_LENGTH, Looks


def look(looks: Looks, at: float, took_s: float = 0.0) -> None:
    looks.begin(at)
    looks.end(at + took_s)


def test_the_first_look_and_the_first_hint_after_a_calm_time_are_due_at_once() -> None:
    looks = Looks()
    assert looks.wait_s(100.0) == 0
    look(looks, 100.0)
    assert looks.wait_s(100.0) == EVERY_S
    looks.hint()
    assert looks.wait_s(100.0 + HINTED_EVERY_S) == 0


def test_without_a_hint_it_looks_now_and_then() -> None:
    looks = Looks()
    look(looks, 100.0)
    assert 0 < looks.wait_s(100.2) < EVERY_S
    assert looks.wait_s(100.0 + EVERY_S) == 0


def test_of_many_hints_few_are_looks() -> None:
    looks, count = Looks(), 0
    for millisecond in range(1000):
        at = 100.0 + millisecond / 1000
        looks.hint()
        if not looks.wait_s(at):
            look(looks, at)
            count += 1
    assert 90 <= count <= 101


def test_a_look_that_takes_long_leaves_the_loop_its_time() -> None:
    looks = Looks()
    look(looks, 100.0, took_s=0.05)
    looks.hint()
    assert looks.wait_s(100.05 + 0.9 * TIMES_ITS_LENGTH * 0.05) > 0
    assert looks.wait_s(100.051 + TIMES_ITS_LENGTH * 0.05) == 0
    look(looks, 200.0, took_s=10.0)
    looks.hint()
    assert looks.wait_s(210.0) == EVERY_S


def test_a_hint_that_comes_during_a_look_means_another() -> None:
    looks = Looks()
    looks.begin(100.0)
    looks.hint()
    looks.end(100.001)
    assert looks.wait_s(100.001) < EVERY_S
    looks.demand()
    assert looks.wait_s(100.001) == 0
