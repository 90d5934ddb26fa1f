"""The directory over HTTP: what a form needs, for whoever has a token."""

import pytest
from django.test import Client

from cdp_project.workspaces.models import Role, Workspace
from directory.contracts import FieldType, Settings, problems_of
from directory.registry import INTEGRATIONS
from tests.api_client import ApiClient

PATH = "/api/v1/integrations"


@pytest.fixture
def api(workspace: Workspace) -> ApiClient:
    return ApiClient(workspace, Role.VIEWER)


def test_every_integration_is_told_with_all_that_a_form_needs(api: ApiClient) -> None:
    told = api.get(PATH).json()["results"]

    assert [each["key"] for each in told] == list(INTEGRATIONS)
    for each in told:
        declared = INTEGRATIONS[each["key"]]
        assert api.get(f"{PATH}/{each['key']}").json() == each
        assert [field["name"] for field in each["setting_fields"]] == [field.name for field in declared.fields]
        assert {field["type"] for field in each["setting_fields"]} <= {kind.value for kind in FieldType}
        assert each["limits"]["concurrent_requests"] >= 1


def test_a_form_made_of_it_is_one_that_is_accepted(api: ApiClient) -> None:
    """Defaults, choices and bounds are those that settings are checked by."""
    webhook = api.get(f"{PATH}/webhook").json()
    fields = {each["name"]: each for each in webhook["setting_fields"]}
    values: Settings = {name: each["default"] for name, each in fields.items() if each["default"] is not None}

    assert problems_of(INTEGRATIONS["webhook"].fields, {**values, "url": "https://example.com"}) == []
    assert [name for name, each in fields.items() if each["is_required"]] == ["url"]
    assert fields["send"]["choices"][0] == {"value": "batch", "label": "each batch"}
    assert fields["authorization"]["is_secret"]
    assert (fields["event_age_most_hours"]["least"], fields["event_age_most_hours"]["type"]) == (1, "number")


def test_nobody_but_those_with_a_token_and_nothing_unknown(api: ApiClient) -> None:
    strangers = [Client().get(path) for path in (PATH, f"{PATH}/webhook", f"{PATH}/nothing")]
    unknown = [api.get(f"{PATH}/{key}") for key in ("nothing", "WEBHOOK", "a%00b")]

    assert [answer.status_code for answer in strangers] == [401] * 3
    assert [(answer.status_code, answer.json()["code"]) for answer in unknown] == [(404, "not_found")] * 3
    assert api.post(PATH, {}).status_code == 405


def test_pages_and_kinds(api: ApiClient) -> None:
    found: list[str] = []
    more: str | None = ""
    while more is not None:
        answer = api.get(f"{PATH}?limit=1{more}").json()
        found += [each["key"] for each in answer["results"]]
        more = answer["next"] and f"&cursor={answer['next']}"

    assert found == list(INTEGRATIONS)
    assert "webhook" in [each["key"] for each in api.get(f"{PATH}?kind=event").json()["results"]]
    assert [api.get(f"{PATH}?{odd}").status_code for odd in ("kind=x", "kinds=event", "cursor=x")] == [400] * 3
