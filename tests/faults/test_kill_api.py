"""A web process that dies in a call of our own API: both the change and its answer are there, or neither."""

import http.client
import json
import signal
from contextlib import closing
from typing import Any

import pytest

from cdp_project.workspaces.models import AuditEntry, KeptAnswer, Role, Workspace
from events.models import InputKey
from tests.api_client import ApiClient
from tests.faults.test_duplicates import answers, serving
from tests.product import eventually, free_port
from tests.shop import Shop

pytestmark = pytest.mark.timeout(120)


def issue_key(port: int, api: ApiClient, shop: Shop) -> tuple[int, str | None, dict[str, Any]] | None:
    """Status, whether it is a repeat, and body; None when the connection ended without an answer."""
    headers = {
        "Authorization": f"Bearer {api.token}",
        "Content-Type": "application/json",
        "Idempotency-Key": "issue-1",
    }
    address = f"/api/v1/workspaces/{shop.workspace.pk}/inputs/{shop.source.pk}/keys"
    try:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
            connection.request("POST", address, "{}", headers)
            answer = connection.getresponse()
            return answer.status, answer.headers.get("Idempotency-Replayed"), json.loads(answer.read())
    except (OSError, http.client.HTTPException):
        return None


def stored(workspace: Workspace) -> tuple[int, int, int]:
    """Keys that the call made, its entries in the audit log, and answers kept."""
    # One key is the shop's own.
    keys = InputKey.objects.filter(input__workspace=workspace).count() - 1
    return keys, AuditEntry.objects.filter(action="key issued").count(), KeptAnswer.objects.count()


@pytest.mark.parametrize(
    ("failpoint", "left", "repeated"), [("api.before_commit", (0, 0, 0), None), ("api.after_commit", (1, 1, 1), "true")]
)
def test_a_kill_leaves_the_change_with_its_answer_or_neither(
    shop: Shop, failpoint: str, left: tuple[int, int, int], repeated: str | None
) -> None:
    api, port = ApiClient(shop.workspace, Role.ADMIN), free_port()
    with serving(port, f"{failpoint}=kill") as doomed:
        eventually(lambda: answers(port), bool)
        assert issue_key(port, api, shop) is None
        assert doomed.wait(20) == -signal.SIGKILL
    eventually(lambda: stored(shop.workspace), lambda found: found == left)

    with serving(port):
        eventually(lambda: answers(port), bool)
        first, again = issue_key(port, api, shop), issue_key(port, api, shop)
    assert first is not None
    assert again is not None
    assert (first[0], first[1], again[1]) == (201, repeated, "true")
    assert again[2] == first[2]
    assert "secret" in first[2]
    assert stored(shop.workspace) == (1, 1, 1)
