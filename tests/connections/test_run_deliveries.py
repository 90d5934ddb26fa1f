"""The command that delivers: what it refuses to start with."""

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings


def test_a_bad_network_is_told_in_one_sentence(settings: Settings) -> None:
    settings.CDP_DELIVERY_ALLOW = ["localhost"]
    with pytest.raises(CommandError, match="CDP_DELIVERY_ALLOW: 'localhost' is no network"):
        call_command("run_deliveries")
