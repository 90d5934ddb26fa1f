"""A hundred open pages and one that never reads, in front of the real web process: every count is right."""

import asyncio
import json
import threading
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psutil
from django.test import Client
from websockets.asyncio.client import ClientConnection, connect

from cdp_project.kernel.live import Publisher, feed_group
from tests import factories
from tests.browser.website import Website
from tests.cdp_project.console.conftest import Furnished

PAGES = 100
BURSTS, BURST_EVENTS, BURST_PAUSE_S = 150, 100, 0.02
EVENTS = BURSTS * BURST_EVENTS
WITHIN_S = 60
GROWTH_BYTES_MOST = 80_000_000
ROW = {"t": "2026-11-23T10:00:00+00:00", "input": "Web", "type": "custom_event", "name": "n" * 200, "mpid": "1"}


def run(scenario: Coroutine[Any, Any, Any]) -> Any:
    """On a thread of its own: the browser's driver may have the loop of this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, scenario).result()


def publish(shop: Furnished) -> None:
    """5,000 events a second, as a pipeline process tells them."""
    publisher, pause = Publisher(), threading.Event()
    group = feed_group(shop.workspace.pk, "production")
    for _ in range(BURSTS):
        publisher.add(group, [ROW] * 20, {"stored": BURST_EVENTS - 1, "stopped": 1})
        pause.wait(BURST_PAUSE_S)


class Pages:
    """Open sockets of one member."""

    def __init__(self, website: Website, shop: Furnished) -> None:
        client = Client()
        client.force_login(factories.member(shop.workspace))
        self._address = f"{website.url.replace('http', 'ws')}/ws{shop.url('live/').replace('/admin', '')}"
        self._headers = {"Cookie": f"sessionid={client.cookies['sessionid'].value}"}
        self._origin: Any = website.url

    async def open(self, **settings: Any) -> ClientConnection:
        return await connect(self._address, additional_headers=self._headers, origin=self._origin, **settings)


async def count(page: ClientConnection, counted: dict[str, int], longest: list[int]) -> None:
    """Read until all events are counted; nothing may have been missed."""
    while sum(counted.values()) < EVENTS:
        text = await page.recv()
        longest[0] = max(longest[0], len(text))
        message = json.loads(text)
        if message["kind"] == "frame":
            assert not message["has_missed"]
            assert len(message["rows"]) <= 20
            for kind, number in message["counts"].items():
                counted[kind] = counted.get(kind, 0) + number


def test_a_hundred_pages_count_right_beside_one_that_never_reads(website: Website, larder: Furnished) -> None:
    pages, longest = Pages(website, larder), [0]
    counts: list[dict[str, int]] = [{} for _ in range(PAGES)]
    web = psutil.Process(website.pid)

    async def scenario() -> int:
        deaf = await pages.open(max_queue=1, compression=None)
        deaf.transport.pause_reading()
        opened = [await pages.open() for _ in range(PAGES)]
        for page in opened:
            assert json.loads(await page.recv())["kind"] == "hello"
        before = web.memory_info().rss
        teller = threading.Thread(target=publish, args=(larder,))
        teller.start()
        async with asyncio.timeout(WITHIN_S):
            await asyncio.gather(*(count(page, mine, longest) for page, mine in zip(opened, counts, strict=True)))
        grown = int(web.memory_info().rss - before)
        teller.join()
        for page in [*opened, deaf]:
            page.transport.abort()
        return grown

    grown = run(scenario())
    assert counts == [{"stored": EVENTS - BURSTS, "stopped": BURSTS}] * PAGES
    assert grown < GROWTH_BYTES_MOST
    assert longest[0] < 20_000
