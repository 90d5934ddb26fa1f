"""The audit log over HTTP: complete, masked, narrowed, and nobody's to change."""

from datetime import timedelta

import pytest

from cdp_project.kernel import clock
from cdp_project.workspaces.models import AuditEntry, Role, Workspace
from tests import factories
from tests.api_client import ApiClient

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(workspace: Workspace) -> ApiClient:
    return ApiClient(workspace)


def test_the_latest_comes_first_with_before_and_after(api: ApiClient) -> None:
    made = api.post("inputs", {"kind": "feed", "name": "Orders"}).json()
    api.patch(f"inputs/{made['id']}", {"name": "Returns"})
    first, second, *_ = api.get("audit-log").json()["results"]

    assert (first["before"], first["after"]) == ({"name": "Orders"}, {"name": "Returns"})
    assert (first["action"], first["kind"], first["object_id"], first["object_name"], first["actor"]) == (
        "changed", "input", str(made["id"]), "Returns", "API credential script"
    )  # fmt: skip
    assert (second["action"], second["before"]) == ("created", None)
    assert api.get(f"audit-log/{first['id']}").json() == first


def test_it_is_narrowed_and_paged(api: ApiClient, workspace: Workspace) -> None:
    early = clock.now() - timedelta(days=1)
    with clock.frozen(early):
        old = ApiClient(workspace, name="old")
    made = ApiClient(workspace, name="maker").post("inputs", {"kind": "feed", "name": "Orders"}).json()

    def names(query: str) -> list[str]:
        return [each["object_name"] for each in api.get(f"audit-log?{query}").json()["results"]]

    assert names("kind=input&action=created&actor=API%20credential%20maker") == ["Orders"]
    assert names(f"object_id={made['id']}&kind=input") == ["Orders"]
    assert "old" not in names(f"from={(early + timedelta(hours=1)):%Y-%m-%dT%H:%M:%SZ}")
    assert names(f"to={(early + timedelta(hours=1)):%Y-%m-%dT%H:%M:%SZ}") == [old.credential.name]
    assert names("kind=output") == []
    assert pages(api) == sorted(AuditEntry.objects.values_list("pk", flat=True), reverse=True)


def pages(api: ApiClient) -> list[int]:
    """Ids of all entries, read one a page."""
    answer = api.get("audit-log?limit=1").json()
    seen = [each["id"] for each in answer["results"]]
    while answer["next"]:
        answer = api.get(f"audit-log?limit=1&cursor={answer['next']}").json()
        seen += [each["id"] for each in answer["results"]]
    return seen


@pytest.mark.parametrize(
    ("query", "status"),
    [("from=yesterday", 400), ("from=", 400), ("to=2026-13-01", 400), ("who=ann", 400), ("actor=", 400),
     ("from=0001-01-01T00:00:00%2B14:00", 200), ("to=9999-12-31T23:59:59-14:00", 200)],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(api: ApiClient, query: str, status: int) -> None:
    assert api.get(f"audit-log?{query}").status_code == status


def test_nobody_writes_it_and_only_admins_read_it(api: ApiClient, workspace: Workspace) -> None:
    (entry,) = AuditEntry.objects.all()
    for method in ("post", "put", "patch", "delete"):
        for path in ("audit-log", f"audit-log/{entry.pk}"):
            assert api.call(method, path, {}).status_code == 405
    editor, foreign = ApiClient(workspace, Role.EDITOR), ApiClient(factories.workspace())
    assert editor.get("audit-log").status_code == editor.get(f"audit-log/{entry.pk}").status_code == 403
    assert foreign.get(f"audit-log/{entry.pk}").status_code == 404
    assert str(entry.pk) not in [str(each["id"]) for each in foreign.get("audit-log").json()["results"]]
