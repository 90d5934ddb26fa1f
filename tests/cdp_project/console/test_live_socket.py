"""The live socket over the real Valkey layer: members get frames, nobody else gets anything."""

import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from asgiref.testing import ApplicationCommunicator
from channels.auth import AuthMiddlewareStack
from channels.layers import get_channel_layer
from channels.routing import URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.test import Client

from cdp_project.console import consumers
from cdp_project.console.consumers import CLOSE_REFUSED
from cdp_project.console.routing import websocket_urlpatterns
from cdp_project.kernel.live import FRAME_VERSION, feed_group
from cdp_project.workspaces.environment import Environment
from cdp_project.workspaces.models import Membership, Workspace
from tests import factories

WITHIN_S = 10.0
NOWHERE = {"address": "redis://127.0.0.1:1/0"}
APPLICATION = AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(websocket_urlpatterns)))


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers, "FLUSH_S", 0.05)
    monkeypatch.setattr(consumers, "RECHECK_S", 0.1)


@pytest.fixture
def shop(transactional_db: None) -> Workspace:
    return factories.workspace()


def cookie_of(user: Any) -> bytes:
    client = Client()
    client.force_login(user)
    return f"sessionid={client.cookies['sessionid'].value}".encode()


class Page:
    """What a browser's end of the socket sees."""

    def __init__(self, path: str, headers: list[tuple[bytes, bytes]]) -> None:
        scope = {"type": "websocket", "path": path, "query_string": b"", "headers": headers, "subprotocols": []}
        # Any: the class has no types.
        self._line: Any = cast("Any", ApplicationCommunicator)(APPLICATION, scope)

    async def connect(self) -> bool:
        await self._line.send_input({"type": "websocket.connect"})
        return bool((await self.output())["type"] == "websocket.accept")

    async def output(self) -> dict[str, Any]:
        message: dict[str, Any] = await self._line.receive_output(WITHIN_S)
        return message

    async def message(self) -> dict[str, Any]:
        got = await self.output()
        assert got["type"] == "websocket.send", got
        read: dict[str, Any] = json.loads(got["text"])
        return read

    async def send(self, **what: str | bytes) -> None:
        await self._line.send_input({"type": "websocket.receive", **what})

    async def hears_nothing(self, for_s: float) -> bool:
        return bool(await self._line.receive_nothing(for_s))

    async def closing_code(self) -> int:
        """What the socket is closed with; messages before that are read over."""
        while (got := await self.output())["type"] != "websocket.close":
            continue
        return int(got["code"])

    async def leave(self) -> None:
        await self._line.send_input({"type": "websocket.disconnect", "code": 1001})
        await self._line.wait(WITHIN_S)


def page_of(
    workspace: Workspace, cookie: bytes = b"", environment: str = "production", origin: bytes = b"http://localhost"
) -> Page:
    return Page(f"/ws/w/{workspace.slug}/{environment}/live/", [(b"cookie", cookie), (b"origin", origin)])


@asynccontextmanager
async def opened(workspace: Workspace, cookie: bytes) -> AsyncIterator[Page]:
    page = page_of(workspace, cookie)
    assert await page.connect()
    assert await page.message() == {"kind": "hello"}
    yield page
    await page.leave()


async def publish(
    workspace: Workspace, seq: int, environment: Environment = Environment.PRODUCTION, version: int = FRAME_VERSION
) -> None:
    row = {"t": "2026-11-23T10:00:00Z", "input": "Web", "type": "screen_view", "name": "Home", "mpid": "1"}
    message = {"type": "feed.frame", "v": version, "sender": "s", "seq": seq, "counts": {"stored": 30}, "sample": [row]}
    await get_channel_layer().group_send(feed_group(workspace.pk, environment.word), message)


def run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    # On this thread, and so on the connection to the database that this test has.
    async_to_sync(scenario)()


def test_frames_arrive_with_rows_and_true_counts(shop: Workspace) -> None:
    cookie = cookie_of(factories.member(shop))

    async def scenario() -> None:
        async with opened(shop, cookie) as page:
            await publish(shop, 1)
            await publish(shop, 2)
            got = [await page.message()]
            while sum(message["counts"]["stored"] for message in got) < 60:
                got.append(await page.message())
            assert sum(message["counts"]["stored"] for message in got) == 60
            assert got[0]["rows"][0]["name"] == "Home"
            assert not any(message["has_missed"] for message in got)
            await publish(shop, 4)
            assert (await page.message())["has_missed"]

    run(scenario)


def test_frames_of_another_version_are_missed_and_not_misread(shop: Workspace) -> None:
    cookie = cookie_of(factories.member(shop))

    async def scenario() -> None:
        async with opened(shop, cookie) as page:
            await publish(shop, 1, version=FRAME_VERSION - 1)
            message = await page.message()
            assert (message["counts"], message["rows"], message["has_missed"]) == ({}, [], True)

    run(scenario)


def test_other_workspaces_and_environments_are_not_heard(shop: Workspace) -> None:
    cookie = cookie_of(factories.member(shop))
    neighbour = factories.workspace()

    async def scenario() -> None:
        async with opened(shop, cookie) as page:
            await publish(neighbour, 1)
            await publish(shop, 1, Environment.DEVELOPMENT)
            await publish(shop, 7)
            first = await page.message()
            assert (first["counts"]["stored"], first["has_missed"]) == (30, False)
            assert await page.hears_nothing(0.3)

    run(scenario)


def outsider(who: str, shop: Workspace) -> bytes:
    """The cookie of somebody who has no seat in the shop."""
    if who == "nobody":
        return b""
    user = factories.member(shop if who == "blocked" else factories.workspace(), operator=who == "operator")
    cookie = cookie_of(user)
    if who == "blocked":
        user.is_active = False
        user.save()
    return cookie


@pytest.mark.parametrize("who", ["nobody", "stranger", "operator", "blocked"])
def test_outsiders_are_accepted_and_closed_with_4403(who: str, shop: Workspace) -> None:
    cookie = outsider(who, shop)

    async def scenario() -> None:
        page = page_of(shop, cookie)
        assert await page.connect()
        assert await page.output() == {"type": "websocket.close", "code": CLOSE_REFUSED}
        await publish(shop, 1)
        assert await page.hears_nothing(0.2)

    run(scenario)


def test_an_unknown_environment_is_refused(shop: Workspace) -> None:
    cookie = cookie_of(factories.member(shop))

    async def scenario() -> None:
        page = page_of(shop, cookie, "staging")
        assert await page.connect()
        assert await page.closing_code() == CLOSE_REFUSED

    run(scenario)


def test_a_page_of_another_site_cannot_open_it(shop: Workspace) -> None:
    cookie = cookie_of(factories.member(shop))

    async def scenario() -> None:
        page = page_of(shop, cookie, origin=b"https://evil.example")
        assert not await page.connect()

    run(scenario)


@pytest.mark.parametrize("end", ["membership", "sign-out", "block"])
def test_a_lost_seat_closes_the_open_page(end: str, shop: Workspace) -> None:
    user = factories.member(shop)
    client = Client()
    client.force_login(user)
    cookie = f"sessionid={client.cookies['sessionid'].value}".encode()

    def lose() -> None:
        if end == "membership":
            Membership.objects.all().delete()
        elif end == "sign-out":
            client.logout()
        else:
            user.is_active = False
            user.save()

    async def scenario() -> None:
        async with opened(shop, cookie) as page:
            await sync_to_async(lose)()
            assert await page.closing_code() == CLOSE_REFUSED

    run(scenario)


def test_what_a_page_sends_is_not_even_read(shop: Workspace) -> None:
    cookie = cookie_of(factories.member(shop))

    async def scenario() -> None:
        async with opened(shop, cookie) as page:
            await page.send(text="{not json")
            await page.send(bytes=b"\xff" * 1000)
            await publish(shop, 1)
            assert (await page.message())["counts"] == {"stored": 30}

    run(scenario)


def test_without_valkey_the_page_is_asked_to_come_again(shop: Workspace, settings: Any) -> None:
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [{**settings.CHANNEL_LAYERS["default"]["CONFIG"]["hosts"][0], **NOWHERE}]},
        }
    }
    cookie = cookie_of(factories.member(shop))

    async def scenario() -> None:
        page = page_of(shop, cookie)
        assert not await page.connect()

    run(scenario)


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize("path", ["/ws/", "/", "/ws/w/a%00b/production/live/", "/ws/w/x/production/live/more"])
def test_other_addresses_have_no_socket(path: str) -> None:
    async def scenario() -> None:
        page = Page(path, [(b"origin", b"http://localhost")])
        assert not await page.connect()

    run(scenario)
