"""What alert codes say in words."""

import pytest

from cdp_project.kernel.transfer import FAILURE_CODES
from connections import sending
from connections.alert_codes import LABELS, alert_label
from events.reasons import INEXPRESSIBLE


@pytest.mark.parametrize(
    ("code", "label"),
    [
        ("http_429", "429 Too Many Requests"),
        ("http_503", "503 Service Unavailable"),
        ("http_799", "799 Unknown Status"),
        ("retries_exhausted", "Retry Count Exceeded"),
        ("timeout", "Request Timed Out"),
        ("http_", "http_"),
        ("http_٣", "http_٣"),
        ("of_a_plugin", "of_a_plugin"),
    ],
)
def test_a_code_is_told_in_words(code: str, label: str) -> None:
    assert alert_label(code) == label


def test_every_fault_of_sending_has_words() -> None:
    faults = {*FAILURE_CODES.values(), "broken", "bad_address", "bad_request", "address_refused", "dns"}
    faults |= {sending.SETTINGS_UNREADABLE, sending.INTEGRATION_ERROR, INEXPRESSIBLE}

    assert faults <= LABELS.keys()
