"""Keys of inputs over HTTP: secrets shown once, rotation with an overlap, revocation, limits while events come in."""

import base64
import json
import time
from collections.abc import Callable
from datetime import timedelta

import pytest

from cdp_project.kernel import clock
from cdp_project.workspaces.models import AuditEntry, Role, Workspace
from events.ingest import accept
from events.intake.desk import desk
from events.models import Input, InputKey
from events.protocol import PROTOCOLS
from tests import factories
from tests.api_client import ApiClient
from tests.shop import Shop, batch, custom_event

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(workspace: Workspace) -> ApiClient:
    return ApiClient(workspace)


@pytest.fixture
def keys(feed: Input) -> str:
    return f"inputs/{feed.pk}/keys"


def upload(pair: dict[str, str]) -> int:
    """A batch under a key, as a server sends it; the status of the answer."""
    protocol = PROTOCOLS["mparticle"]
    endpoint = next(each for each in protocol.endpoints if each.path == "v2/events")
    authorization = base64.b64encode(f"{pair['key']}:{pair['secret']}".encode()).decode()
    headers = {"authorization": f"Basic {authorization}", "content-type": "application/json"}
    body = json.dumps(batch(custom_event(), customer="u-1")).encode()
    return accept(protocol, endpoint, headers, {}, body, "127.0.0.1").status


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
    return True


def test_a_secret_is_shown_once_and_nowhere_else(
    api: ApiClient, keys: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    issued = api.post(keys, {})
    assert issued.status_code == 201
    made = issued.json()
    listed = api.get(keys).json()["results"]

    assert listed == [{name: value for name, value in made.items() if name != "secret"}]
    assert made["expires_at"] is None
    read = api.get(issued["location"])
    assert ([read.json()], read["etag"]) == (listed, issued["etag"])
    said = capsys.readouterr()
    for place in (
        str(listed),
        str(list(AuditEntry.objects.values())),
        said.out + said.err,
        caplog.text,
        str(api.get(keys).headers),
    ):
        assert made["secret"] not in place
    assert InputKey.objects.get().secret_encrypted != made["secret"]


def test_a_new_key_sends_at_once_and_a_revoked_one_no_more(shop: Shop) -> None:
    api, keys = ApiClient(shop.workspace), f"inputs/{shop.source.pk}/keys"
    made = api.post(keys, {}).json()
    assert upload(made) == 202

    assert api.delete(f"{keys}/{made['id']}").status_code == 204
    assert within(3, lambda: upload(made) == 403)
    (row,) = [each for each in api.get(keys).json()["results"] if each["id"] == made["id"]]
    assert row["expires_at"] is not None
    assert api.delete(f"{keys}/{made['id']}").status_code == 204
    assert [each for each in api.get(keys).json()["results"] if each["id"] == made["id"]] == [row]


def test_after_a_rotation_both_pairs_send_until_the_overlap_is_over(shop: Shop) -> None:
    api, keys = ApiClient(shop.workspace), f"inputs/{shop.source.pk}/keys"
    old = api.post(keys, {}).json()
    new = api.post(f"{keys}/rotate", {"overlap_s": 600}).json()
    assert [upload(each) for each in (old, new)] == [202, 202]

    with clock.frozen(clock.now() + timedelta(seconds=601)):
        assert [upload(each) for each in (old, new)] == [403, 202]


def test_a_rotation_ends_what_lasts_longer_and_hurries_nothing(api: ApiClient, keys: str, feed: Input) -> None:
    ended, soon, late, lasting = (api.post(keys, {}).json()["id"] for _ in range(4))
    now = clock.now()
    for each, days in ((ended, -1), (soon, 0.5), (late, 60)):
        InputKey.objects.filter(pk=each).update(expires_at=now + timedelta(days=days))
    before = dict(InputKey.objects.values_list("pk", "expires_at"))
    with clock.frozen(now):
        answer = api.post(f"{keys}/rotate", {})

    assert answer.status_code == 201
    assert answer["location"].endswith(f"/keys/{answer.json()['id']}")
    after = dict(InputKey.objects.values_list("pk", "expires_at"))
    assert (after[ended], after[soon]) == (before[ended], before[soon])
    assert after[late] == after[lasting] == now + timedelta(days=1)
    assert after[answer.json()["id"]] is None
    assert "secret" in answer.json()


@pytest.mark.parametrize("body", [{"overlap_s": -1}, {"overlap_s": 30 * 86400 + 1}, {"overlap_s": "x"}, {"hours": 1}])
def test_an_overlap_that_cannot_be_ends_nothing(api: ApiClient, keys: str, body: dict[str, object]) -> None:
    api.post(keys, {})
    answer = api.post(f"{keys}/rotate", body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, f"/{next(iter(body))}")
    assert InputKey.objects.filter(expires_at=None).count() == 1


def test_a_longest_overlap_and_none_are_taken(api: ApiClient, keys: str) -> None:
    for seconds in (0, 30 * 86400):
        assert api.post(f"{keys}/rotate", {"overlap_s": seconds}).status_code == 201


def test_only_admins_have_to_do_with_secrets(workspace: Workspace, keys: str) -> None:
    editor = ApiClient(workspace, Role.EDITOR)
    key = ApiClient(workspace).post(keys, {}).json()["id"]
    assert ApiClient(workspace, Role.VIEWER).get(keys).status_code == 200
    refused = [editor.post(keys, {}), editor.post(f"{keys}/rotate", {}), editor.delete(f"{keys}/{key}")]
    assert [each.json()["code"] for each in refused] == ["role_too_low"] * 3
    assert InputKey.objects.filter(expires_at=None).count() == 1


def test_keys_of_others_are_not_there(api: ApiClient, feed: Input, web: Input) -> None:
    foreign = factories.feed(factories.workspace())
    theirs = ApiClient(foreign.workspace).post(f"inputs/{foreign.pk}/keys", {}).json()["id"]
    mine = api.post(f"inputs/{web.pk}/keys", {}).json()["id"]
    answers = [
        api.get(f"inputs/{foreign.pk}/keys"), api.post(f"inputs/{foreign.pk}/keys", {}),
        api.post(f"inputs/{foreign.pk}/keys/rotate", {}), api.delete(f"inputs/{foreign.pk}/keys/{theirs}"),
        api.delete(f"inputs/{feed.pk}/keys/{theirs}"), api.delete(f"inputs/{feed.pk}/keys/{mine}"),
        api.delete(f"inputs/{feed.pk}/keys/x"), api.get(f"inputs/{feed.pk}/keys/{mine}"),
    ]  # fmt: skip
    assert {each.status_code for each in answers} == {404}
    assert InputKey.objects.filter(expires_at=None).count() == 2


def test_limits_are_in_effect_within_two_seconds(shop: Shop, empty_cache: None) -> None:
    api = ApiClient(shop.workspace)
    pair = api.post(f"inputs/{shop.source.pk}/keys", {}).json()
    assert upload(pair) == 202

    api.patch(f"inputs/{shop.source.pk}", {"batches_per_second_most": 1})
    assert within(3, lambda: upload(pair) == 429)
    api.patch(f"inputs/{shop.source.pk}", {"batches_per_second_most": None})
    assert within(3, lambda: {upload(pair) for _ in range(5)} == {202})
    api.patch(f"inputs/{shop.source.pk}", {"is_active": False})
    assert within(3, lambda: upload(pair) not in {202, 429})
    desk.keys.forget()
