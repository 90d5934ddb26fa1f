"""ETags: reads that need no body, edits that know what they change, and of two at once exactly one."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connections

from cdp_project.workspaces.models import Role, Workspace
from events.models import Input, InputKey
from tests.api_client import ApiClient

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(workspace: Workspace) -> ApiClient:
    return ApiClient(workspace)


@pytest.fixture
def address(feed: Input) -> str:
    return f"inputs/{feed.pk}"


def test_a_tag_is_strong_and_follows_the_representation(api: ApiClient, address: str) -> None:
    first = api.get(address)["etag"]
    assert first.startswith('"')
    assert api.get(address)["etag"] == first
    changed = api.patch(address, {"name": "Orders"})["etag"]
    assert changed == api.get(address)["etag"] != first
    assert api.patch(address, {"name": "Server"})["etag"] == first


@pytest.mark.parametrize("path", ["inputs", "inputs/{pk}"])
def test_what_is_known_already_needs_no_body(api: ApiClient, feed: Input, path: str) -> None:
    path = path.format(pk=feed.pk)
    tag = api.get(path)["etag"]
    for known in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        answer = api.get(path, if_none_match=known)
        assert (answer.status_code, answer.content, answer["etag"]) == (304, b"", tag)
    for other in ('"x"', "nonsense", "", tag.strip('"')):
        assert api.get(path, if_none_match=other).status_code == 200
    api.patch(f"inputs/{feed.pk}", {"name": "Orders"})
    assert api.get(path, if_none_match=tag).status_code == 200


def test_an_edit_of_something_else_is_refused(api: ApiClient, feed: Input, address: str) -> None:
    tag = api.get(address)["etag"]
    api.patch(address, {"name": "Orders"})
    for wrong in (tag, '"x"', "nonsense", "", f"W/{api.get(address)['etag']}"):
        for answer in (api.patch(address, {"name": "Mine"}, if_match=wrong), api.delete(address, if_match=wrong)):
            assert (answer.status_code, answer.json()["code"]) == (412, "changed_meanwhile")
    feed.refresh_from_db()
    assert feed.name == "Orders"


def test_an_edit_of_what_was_read_goes_through(api: ApiClient, address: str) -> None:
    tag = api.get(address)["etag"]
    tag = api.patch(address, {"name": "A"}, if_match=tag)["etag"]
    tag = api.patch(address, {"name": "B"}, if_match=f'"x", {tag}')["etag"]
    assert api.patch(address, {"name": "C"}, if_match="*").status_code == 200
    assert api.patch(address, {"name": "D"}).status_code == 200
    assert api.delete(address, if_match=api.get(address)["etag"]).status_code == 204
    assert api.delete(address, if_match="*").status_code == 404


def test_the_tag_of_a_new_key_says_nothing_of_its_secret(api: ApiClient, feed: Input) -> None:
    tag = api.post(f"inputs/{feed.pk}/keys", {})["etag"]
    key = InputKey.objects.get()
    assert api.delete(f"inputs/{feed.pk}/keys/{key.pk}", if_match='"x"').status_code == 412
    assert api.delete(f"inputs/{feed.pk}/keys/{key.pk}", if_match=tag).status_code == 204


def test_a_role_that_is_too_low_learns_nothing_from_tags(workspace: Workspace, address: str) -> None:
    viewer = ApiClient(workspace, Role.VIEWER)
    assert viewer.patch(address, {"name": "x"}, if_match='"x"').status_code == 403


@pytest.mark.django_db(transaction=True)
def test_of_two_edits_of_the_same_state_exactly_one_wins(api: ApiClient, feed: Input, address: str) -> None:
    for attempt in range(10):
        tag, together = api.get(address)["etag"], Barrier(2)

        def edit(name: str, tag: str = tag, together: Barrier = together) -> Any:
            together.wait()
            try:
                return api.patch(address, {"name": name}, if_match=tag)
            finally:
                connections.close_all()

        names = [f"{attempt} A", f"{attempt} B"]
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(edit, names))
        assert sorted(each.status_code for each in answers) == [200, 412]
        feed.refresh_from_db()
        assert feed.name == next(name for name, each in zip(names, answers, strict=True) if each.status_code == 200)
