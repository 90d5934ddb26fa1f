"""The API's documentation in a real browser: silent, on its own host, in both themes, readable on a phone."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from cdp_project.workspaces.models import Role
from tests import factories
from tests.browser.conftest import keep_picture, overflow
from tests.browser.website import Website
from tests.cdp_project.console.conftest import Furnished
from tests.identity.test_api import token_of

OpenPage = Callable[..., Page]


def test_operations_are_shown_in_both_themes_and_on_a_phone(
    website: Website, larder: Furnished, open_page: OpenPage
) -> None:
    page = open_page()
    page.goto(f"{website.url}/api/docs/")
    operation = page.locator("#operations-Outputs-createOutput")
    operation.click()
    expect(operation.locator(".responses-table").first).to_contain_text("Idempotency-Key")
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        expect(page.locator("html")).to_have_class("dark-mode" if theme == "dark" else "")
        keep_picture(page, f"api-docs-{theme}")
    page.set_viewport_size({"width": 320, "height": 700})
    assert overflow(page) == 0
    keep_picture(page, "api-docs-narrow")


def test_an_operation_is_tried_with_a_token(website: Website, larder: Furnished, open_page: OpenPage) -> None:
    page = open_page()
    token = token_of(larder.workspace, Role.VIEWER)
    page.set_extra_http_headers({"Authorization": f"Bearer {token}"})
    page.goto(f"{website.url}/api/docs/")
    operation = page.locator("#operations-Integrations-listIntegrations")
    operation.click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".live-responses-table")).to_contain_text('"key": "webhook"')
    keep_picture(page, "api-docs-tried")


def test_the_console_leads_there(website: Website, larder: Furnished, open_page: OpenPage) -> None:
    member = factories.member(larder.workspace)
    page = open_page(member)
    page.goto(website.url + larder.url("live/"))
    page.get_by_text(member.get_username(), exact=True).click()
    page.get_by_role("link", name="API documentation").click()
    expect(page.get_by_role("heading", name="Tributary")).to_be_visible()
