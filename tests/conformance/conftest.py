"""Two neighbours, and the API's own description."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from tests.conformance.estate import Estate
from tests.sink import running_sink

CANARY = "zinnober"


@pytest.fixture
def estates(transactional_db: None, settings: Settings) -> Iterator[tuple[Estate, Estate]]:
    """Our own workspace, and the neighbour's whose name is the canary."""
    settings.CDP_DELIVERY_ALLOW = ["127.0.0.1/32"]
    # Sweeps ask more often than programs may.
    settings.CDP_API_REQUESTS_PER_MINUTE = 0
    with running_sink() as sink:
        both = Estate("ours", sink), Estate(CANARY, sink)
        yield both
        for each in both:
            each.close()


@pytest.fixture(scope="session")
def api_schema() -> dict[str, Any]:
    """What GET /api/schema/ answers."""
    answer = Client().get("/api/schema/", headers={"accept": "application/vnd.oai.openapi+json"})
    found: dict[str, Any] = json.loads(answer.content)
    return found
