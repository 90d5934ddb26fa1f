"""Every page of the console in a real browser: silent, axe clean, on its own host, readable from 320 pixels up."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from cdp_project.workspaces.models import Role
from tests import factories
from tests.browser.conftest import Noise, keep_picture, overflow, violations
from tests.browser.website import Website
from tests.cdp_project.console.conftest import Furnished

OpenPage = Callable[..., Page]
PAGES = {
    "live": "live/",
    "inputs": "events/input/",
    "input": "events/input/{feed}/change/",
    "input-new": "events/input/add/",
    "input-delete": "events/input/{feed}/delete/",
    "keys": "events/input/{feed}/keys/",
    "outputs": "connections/output/",
    "output": "connections/output/{output}/change/",
    "output-new": "connections/output/add/?integration=webhook",
    "connections": "connections/connection/",
    "connection": "connections/connection/{connection}/change/",
    "members": "workspaces/membership/",
    "member-new": "workspaces/membership/add/",
    "credentials": "workspaces/apicredential/",
    "credential": "workspaces/apicredential/{credential}/change/",
    "credential-revoke": "workspaces/apicredential/{credential}/revoke/",
    "audit": "workspaces/auditentry/",
    "audit-entry": "workspaces/auditentry/{entry}/change/",
    "password": "password_change/",
}
INSTALLATION = {
    "users": "auth/user/",
    "user-new": "auth/user/add/",
    "workspaces": "workspaces/workspace/",
    "chores": "chores/",
}


def address(shop: Furnished, path: str) -> str:
    objects = shop.objects
    return shop.url(
        path.format(
            feed=shop.feed.pk,
            output=shop.output.pk,
            connection=shop.connection.pk,
            credential=shop.credential.pk,
            entry=objects["workspaces/auditentry"],
        )
    )


def problems(page: Page, url: str, name: str) -> list[str]:
    """What is wrong with it, in both themes, wide and narrow."""
    found: list[str] = []
    page.goto(url)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 860})
    found += [f"{name}: {each}" for each in violations(page)]
    keep_picture(page, f"{name}-light")
    page.emulate_media(color_scheme="dark")
    found += [f"{name}, dark: {each}" for each in violations(page, "color-contrast")]
    keep_picture(page, f"{name}-dark")
    page.set_viewport_size({"width": 320, "height": 700})
    if by := overflow(page):
        found.append(f"{name} is {by} pixels wider than a phone")
    keep_picture(page, f"{name}-narrow")
    return found


def test_pages_of_a_workspace(website: Website, larder: Furnished, open_page: OpenPage) -> None:
    page = open_page(factories.member(larder.workspace))
    found = [each for name, path in PAGES.items() for each in problems(page, website.url + address(larder, path), name)]
    assert found == []


def test_pages_of_the_operator(website: Website, larder: Furnished, open_page: OpenPage) -> None:
    operator = factories.member(larder.workspace, operator=True, password="correct horse battery")
    page = open_page(operator)
    pages = INSTALLATION | {"user": f"auth/user/{operator.pk}/change/"}
    found = [each for name, path in pages.items() for each in problems(page, f"{website.url}/admin/{path}", name)]
    assert found == []


def test_pages_outside(website: Website, larder: Furnished, open_page: OpenPage, noise: Noise) -> None:
    page = open_page(factories.member(larder.workspace))
    assert problems(page, website.url + larder.url("nope/"), "missing") == []
    # That the page answered 404 is as it should be.
    noise.complaints = [each for each in noise.complaints if "404" not in each]
    assert problems(open_page(), f"{website.url}/admin/login/", "sign-in") == []


def test_what_is_shown_once(website: Website, larder: Furnished, open_page: OpenPage) -> None:
    page = open_page(factories.member(larder.workspace))
    page.goto(website.url + address(larder, PAGES["keys"]))
    page.get_by_role("button", name="Issue a key").click()
    expect(page.get_by_text("it is shown this once")).to_be_visible()
    assert violations(page) == []
    keep_picture(page, "key-shown-once")
    page.get_by_role("link", name="Done").click()
    expect(page.get_by_role("heading", name="Keys of Larder feed")).to_be_visible()


def test_errors_stand_by_their_fields(website: Website, larder: Furnished, open_page: OpenPage) -> None:
    page = open_page(factories.member(larder.workspace))
    page.goto(website.url + address(larder, PAGES["output-new"]))
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Address is required.")).to_be_visible()
    assert violations(page) == []
    keep_picture(page, "output-errors")


def test_a_viewer_reads_why_nothing_can_be_changed(website: Website, larder: Furnished, open_page: OpenPage) -> None:
    page = open_page(factories.member(larder.workspace, Role.VIEWER))
    page.goto(website.url + address(larder, PAGES["output"]))
    expect(page.get_by_text("Your role here is Viewer")).to_be_visible()
    expect(page.get_by_role("button", name="Save")).to_have_count(0)
    assert violations(page) == []
    keep_picture(page, "output-as-viewer")


def test_the_keyboard_alone_is_enough(website: Website, larder: Furnished, open_page: OpenPage) -> None:
    user = factories.member(larder.workspace)
    page = open_page(user)
    page.goto(website.url + larder.url("live/"))
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    menu = page.locator("summary", has_text=user.get_username())
    menu.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
    expect(menu).to_be_focused()


def test_development_is_marked_and_its_switch_keeps_the_page(
    website: Website, larder: Furnished, open_page: OpenPage
) -> None:
    page = open_page(factories.member(larder.workspace))
    page.goto(website.url + larder.url("events/input/"))
    page.get_by_role("link", name="Development").click()
    expect(page).to_have_url(website.url + larder.url("events/input/", "development"))
    expect(page.get_by_role("link", name="Development")).to_have_attribute("aria-current", "true")
    keep_picture(page, "development")


def test_the_theme_is_kept(website: Website, larder: Furnished, open_page: OpenPage) -> None:
    page = open_page(factories.member(larder.workspace))
    page.goto(website.url + larder.url("live/"))
    switch = page.get_by_role("button", name="Colour theme")
    for theme in ("light", "dark"):
        switch.click()
        expect(page.locator("html")).to_have_attribute("data-theme", theme)
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(15, 21, 24)"


def test_on_a_phone_the_menu_leads_everywhere(website: Website, larder: Furnished, open_page: OpenPage) -> None:
    page = open_page(factories.member(larder.workspace), width=320, height=700)
    page.goto(website.url + larder.url("live/"))
    page.locator("summary", has_text="Menu").click()
    keep_picture(page, "menu-narrow")
    page.get_by_role("link", name="Inputs").click()
    expect(page.get_by_role("heading", name="Inputs")).to_be_visible()
