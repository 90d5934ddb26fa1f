"""The first sum of the promises, read over HTTP: accepted = waiting + stored + not stored."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from cdp_project.kernel import clock, rollups
from cdp_project.kernel.database import connect
from cdp_project.workspaces.models import Role, Workspace
from events.processing import accounting
from tests import factories
from tests.identity.test_api import token_of
from tests.shop import Shop, batch, custom_event


def ask(workspace: Workspace, **query: str) -> dict[str, Any]:
    bearer = {"authorization": f"Bearer {token_of(workspace, Role.VIEWER)}"}
    answer = Client().get(f"/api/v1/workspaces/{workspace.pk}/outcomes", query, headers=bearer)
    assert answer.status_code in {200, 400}
    found: dict[str, Any] = answer.json()
    return found


def sums(found: dict[str, Any]) -> tuple[int, int, int, dict[str, int]]:
    return found["accepted"], found["waiting"], found["stored"], found["not_stored"]


def compact() -> None:
    with connect(autocommit=True) as own:
        assert rollups.compact(own, accounting.HOURLY, clock.now() + timedelta(hours=5)) > 0


def test_every_accepted_event_is_in_one_of_the_sums(shop: Shop) -> None:
    repeated = batch(custom_event(), custom_event(), customer="u-1", source_request_id="r-1")
    shop.process(repeated, repeated, batch(custom_event(), customer="u-2"))
    assert shop.post([{"events": [{"event_type": "custom_event", "data": {}}]}], "v2/bulkevents") == 202
    shop.drain()
    for _ in range(2):
        shop.post(batch(custom_event(), customer="u-3"))

    told = ask(shop.workspace)
    accepted, waiting, stored, not_stored = sums(told)
    assert (waiting, stored, not_stored["duplicate"]) == (2, 3, 2)
    # A batch that could not be read counts with the events that it has.
    assert not_stored == {"duplicate": 2, "malformed": 1}
    assert accepted == waiting + stored + sum(not_stored.values())
    compact()
    assert ask(shop.workspace) == told
    shop.drain()
    assert sums(ask(shop.workspace)) == (accepted, 0, 5, not_stored)


def test_hours_inputs_and_environments_narrow_it(shop: Shop) -> None:
    other = Shop(factories.feed(shop.workspace, "Other"))
    shop.process(batch(custom_event(), customer="u-1"))
    shop.process(batch(custom_event(), customer="u-1", environment="development"))
    assert other.post(batch(custom_event(), customer="u-2")) == 202
    other.runner.close()

    assert sums(ask(shop.workspace)) == (2, 1, 1, {})
    assert sums(ask(shop.workspace, input_id=str(shop.source.pk))) == (1, 0, 1, {})
    assert sums(ask(shop.workspace, input_id=str(other.source.pk))) == (1, 1, 0, {})
    assert sums(ask(shop.workspace, environment="development")) == (1, 0, 1, {})
    yesterday = (clock.now() - timedelta(days=1)).isoformat()
    assert sums(ask(shop.workspace, to=yesterday)) == (0, 0, 0, {})


def test_another_workspace_sees_none_of_it(shop: Shop) -> None:
    shop.process(batch(custom_event(), customer="u-1"))
    shop.post(batch(custom_event(), customer="u-2"))
    foreign = factories.workspace()

    assert sums(ask(foreign)) == sums(ask(foreign, input_id=str(shop.source.pk))) == (0, 0, 0, {})


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("from", {"from": "2026-01-01T00:00Z", "to": "2026-02-01T00:00Z"}),
        ("from", {"from": "yesterday"}),
        ("input_id", {"input_id": "x"}),
    ],
)
def test_a_parameter_that_cannot_be_used_is_named(workspace: Workspace, name: str, query: dict[str, str]) -> None:
    problem = ask(workspace, **query)
    assert problem["code"] == "bad_parameter"
    assert f"The parameter {name} " in problem["detail"]
