"""Whatever changes something below /api/v1/ takes an Idempotency-Key, and edits take If-Match: read off the URLconf.

A new route joins by existing.
"""

from typing import Any

import pytest
from django.test import Client

from cdp_project.workspaces.models import KeptAnswer, Workspace
from tests.conformance.routes import Route
from tests.conformance.test_api_walls import UNSAFE, address, operation_of, token_for

pytestmark = pytest.mark.django_db(transaction=True)


def send(client: Client, method: str, path: str, token: str, key: str) -> Any:
    headers = {"authorization": f"Bearer {token}", "idempotency-key": key}
    return getattr(client, method)(path, data=b"{}", content_type="application/json", headers=headers)


@pytest.mark.parametrize(("method", "route"), UNSAFE)
def test_a_call_is_done_once_under_its_key(client: Client, workspace: Workspace, method: str, route: Route) -> None:
    path, token = address(route, workspace), token_for(method, route, workspace)

    refused = send(client, method, path, token, "")
    assert (refused.status_code, refused.json()["code"]) == (400, "bad_idempotency_key")
    assert not KeptAnswer.objects.exists()

    first, again = (send(client, method, path, token, "k-1") for _ in range(2))
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert ("Idempotency-Replayed" in first, again["Idempotency-Replayed"]) == (False, "true")
    assert KeptAnswer.objects.count() == 1

    reused = send(client, method, f"{path}?environment=production", token, "k-1")
    assert reused.status_code in {400, 422}, "another address, or one that takes no such parameter"


@pytest.mark.parametrize(("method", "route"), UNSAFE)
def test_the_schema_tells_of_keys_and_tags(api_schema: dict[str, Any], method: str, route: Route) -> None:
    operation = operation_of(api_schema, method, route)
    headers = {each["name"] for each in operation["parameters"] if each["in"] == "header"}

    assert "Idempotency-Key" in headers
    assert {"409", "413", "422", "429"} <= operation["responses"].keys()
    assert (method in {"patch", "delete"}) == ("If-Match" in headers) == ("412" in operation["responses"])
