"""Which names count, and how many fit."""

from datamaster.names import NAMES_MOST, admit, is_counted


def test_names_of_strangers_count_whatever_the_type() -> None:
    assert is_counted(("custom_event", "Viewed"))
    assert is_counted(("screen_view", "Home"))
    assert is_counted(("commerce_event", "an invented action"))
    assert is_counted(("an invented type", ""))


def test_words_of_the_api_do_not_count() -> None:
    assert not is_counted(("commerce_event", "purchase"))
    assert not is_counted(("session_start", ""))
    assert not is_counted(("application_state_transition", "application_initialized"))


def test_what_fits_is_admitted_once_each_in_order() -> None:
    new = [("custom_event", name) for name in ("a", "b", "a", "c")]

    assert admit(new, NAMES_MOST - 2) == new[:2]
    assert admit(new, NAMES_MOST) == admit(new, NAMES_MOST + 5) == []
    assert admit(new, 0) == [new[0], new[1], new[3]]
