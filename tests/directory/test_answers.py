"""What usual answers mean: when to come again."""

import pytest

from directory.answers import retry_after_seconds

NOW = "Mon, 23 Nov 2026 10:00:00 GMT"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("120", 120),
        ("9" * 400, 86_400),
        ("Mon, 23 Nov 2026 10:01:00 GMT", 60),
        ("Mon, 23 Nov 2026 09:00:00 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400),
        ("Fri, 31 Dec 9999 23:59:59 -9959", None),
        ("Mon, 01 Jan 0001 00:00:00 +9959", None),
        ("Mon, 23 Nov 99999999999999999999 10:00:00 GMT", None),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
def test_when_a_partner_wants_to_be_asked_again(value: str, expected: float | None) -> None:
    found = retry_after_seconds({"retry-after": value, "date": NOW})
    assert found is None if expected is None else found == expected
