"""Every socket of the console's routing, opened on a neighbour's workspace: refused as one of nobody's, and silent."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

from cdp_project.console.routing import websocket_urlpatterns
from cdp_project.kernel.live import FRAME_VERSION, feed_group
from cdp_project.workspaces.environment import Environment
from tests import factories
from tests.cdp_project.console.test_live_socket import Page, cookie_of
from tests.conformance.conftest import CANARY
from tests.conformance.estate import Estate

ROUTES = [each.pattern.regex.pattern for each in websocket_urlpatterns if each.pattern.regex.groupindex]
GROUP = re.compile(r"\(\?P<(\w+)>[^)]*\)")
# What may stand in a socket's address, by its name there: of an estate, and of nobody.
VALUES: dict[str, tuple[Callable[[Estate], str], str]] = {
    "slug": (lambda estate: estate.workspace.slug, "nobodys-slug"),
    "environment": (lambda _: "production", "production"),
}
SILENCE_S = 0.3


def test_every_socket_can_be_filled_in() -> None:
    unknown = {name for route in ROUTES for name in GROUP.findall(route)} - VALUES.keys()

    assert unknown == set(), f"Say in VALUES of {__file__} what these are: {sorted(unknown)}."
    assert ROUTES


def path_of(route: str, estate: Estate | None) -> str:
    """The address on an estate, or on nobody's."""
    filled = GROUP.sub(lambda found: VALUES[found[1]][1] if estate is None else VALUES[found[1]][0](estate), route)
    return "/" + filled.strip("^$")


async def heard(path: str, cookie: bytes, group: str) -> list[dict[str, Any]]:
    """All that comes out of the socket while the neighbour's feed is being told of."""
    page = Page(path, [(b"cookie", cookie), (b"origin", b"http://localhost")])
    said = [{"accepted": await page.connect()}]
    row = {"t": "2026-11-23T10:00:00Z", "input": CANARY, "type": "screen_view", "name": CANARY, "mpid": "1"}
    frame = {
        "type": "feed.frame",
        "v": FRAME_VERSION,
        "sender": "s",
        "seq": 1,
        "counts": {"stored": 1},
        "sample": [row],
    }
    await get_channel_layer().group_send(group, frame)
    while not await page.hears_nothing(SILENCE_S):
        said.append(await page.output())
    return said


@pytest.mark.parametrize("who", ["member", "nobody"])
@pytest.mark.parametrize("route", ROUTES)
def test_a_foreign_socket_is_one_that_does_not_exist(estates: tuple[Estate, Estate], route: str, who: str) -> None:
    ours, theirs = estates
    cookie = cookie_of(factories.member(ours.workspace)) if who == "member" else b""
    group = feed_group(theirs.workspace.pk, Environment.PRODUCTION.word)

    async def both() -> list[list[dict[str, Any]]]:
        return [await heard(path_of(route, estate), cookie, group) for estate in (theirs, None)]

    foreign, nobodys = async_to_sync(both)()

    assert foreign == nobodys
    assert foreign[-1]["type"] == "websocket.close"
    assert CANARY not in str(foreign)


@pytest.mark.parametrize("route", ROUTES)
def test_our_own_socket_hears_nothing_of_the_neighbour(estates: tuple[Estate, Estate], route: str) -> None:
    ours, theirs = estates
    group = feed_group(theirs.workspace.pk, Environment.PRODUCTION.word)
    cookie = cookie_of(factories.member(ours.workspace))

    said = async_to_sync(heard)(path_of(route, ours), cookie, group)

    assert said[0] == {"accepted": True}
    assert CANARY not in str(said)
