"""A real browser in front of the real web process. Every page must be silent and stay on its own host."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright

from tests.browser.website import Website
from tests.cdp_project.console.conftest import Furnished, furnish
from tests.services import ARTEFACTS

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NAMES = ("chromium", "chromium-browser", "google-chrome")
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PATIENCE_MS = 15_000


@pytest.fixture(scope="session")
def website(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Website]:
    site = Website(tmp_path_factory.mktemp("website") / "web.log")
    with django_db_blocker.unblock():
        site.start()
    yield site
    site.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, NAMES)), None)
    assert found is not None, "No chromium: install it (Debian, Ubuntu: apt-get install chromium)."
    # The driver runs a loop on this thread, which is why Django would refuse to ask its database here.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


class Noise:
    """What a browser complained about, and where it went."""

    def __init__(self, host: str) -> None:
        self._host = host
        self.complaints: list[str] = []
        self.foreign: list[str] = []

    def watch(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{message.type} at {message.location}: {message.text}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self._host, "data:")):
            self.foreign.append(request.url)


@pytest.fixture
def noise(website: Website) -> Noise:
    return Noise(website.url)


@pytest.fixture
def larder(transactional_db: None) -> Furnished:
    """As in the tests of the console, but where another process sees it."""
    return furnish("Larder")


@pytest.fixture
def contexts(browser: Browser, website: Website) -> Iterator[Callable[..., BrowserContext]]:
    made: list[BrowserContext] = []

    def new(user: Any = None, *, theme: str = "light", width: int = 1280, height: int = 860) -> BrowserContext:
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE_MS)
        made.append(context)
        if user is not None:
            client = Client()
            client.force_login(user)
            context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": website.url}])
        return context

    yield new
    for context in made:
        context.close()


@pytest.fixture
def open_page(contexts: Callable[..., BrowserContext], noise: Noise) -> Iterator[Callable[..., Page]]:
    """A page of a new browser window. At the end of the test nothing may have been complained about."""

    def opened(user: Any = None, **window: Any) -> Page:
        page = contexts(user, **window).new_page()
        noise.watch(page)
        return page

    yield opened
    assert noise.complaints == []
    assert noise.foreign == []


def violations(page: Page, *rules: str) -> list[str]:
    """What axe finds, by the standards or by some rules alone: rule and element."""
    only = {"type": "rule", "values": rules} if rules else {"type": "tag", "values": STANDARDS}
    found = Axe().run(page, options={"runOnly": only, "resultTypes": ["violations"]}).response
    return [f"{each['id']}: {node['html'][:160]}" for each in found["violations"] for node in each["nodes"]]


def overflow(page: Page) -> int:
    """Pixels by which the page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def keep_picture(page: Page, name: str) -> Path:
    """For people to look at."""
    ARTEFACTS.mkdir(exist_ok=True)
    path = ARTEFACTS / f"{name}.png"
    page.screenshot(path=path, full_page=True)
    return path
