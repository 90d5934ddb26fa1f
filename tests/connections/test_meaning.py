"""Reasons: which are known, and which items each of them stands for."""

import pytest

from connections.models import ItemState
from connections.reading.meaning import Meaning, is_reason, meaning_of


@pytest.mark.parametrize(
    "reason",
    ["rejected", "parked", "retrying", "held", "output_off", "inexpressible", "timeout", "http_400", "http_599"],
)
def test_what_verdicts_deliveries_and_alerts_show_is_known(reason: str) -> None:
    assert is_reason(reason)


@pytest.mark.parametrize(
    "reason", ["", "Rejected", "http_", "http_40", "http_4000", "http_٤٠٠", "http_400\n", "x" * 101]
)
def test_nothing_else_is(reason: str) -> None:
    assert not is_reason(reason)


def test_words_of_verdicts_stand_for_states_and_codes_for_themselves() -> None:
    assert meaning_of("rejected") == Meaning(ItemState.FAILED, other_than="inexpressible")
    assert meaning_of("parked") == Meaning(ItemState.PARKED)
    assert meaning_of("http_400") == Meaning(code="http_400")
    assert meaning_of(None) == Meaning()
