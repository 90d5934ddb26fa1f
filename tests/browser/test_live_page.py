"""Live events in a real browser: from an SDK's upload to a row on the page, and what happens under load and loss."""

import base64
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from playwright.sync_api import Page, expect

from cdp_project.kernel.live import feed_group, publisher
from cdp_project.workspaces.environment import Environment
from cdp_project.workspaces.models import Membership
from events.intake.issuing import issue
from events.reasons import REASONS
from tests import factories
from tests.browser.conftest import Noise, keep_picture, overflow, violations
from tests.browser.website import Website
from tests.cdp_project.console.conftest import ACTOR, Furnished
from tests.product import post_json
from tests.shop import Shop, batch, custom_event

OpenPage = Callable[..., Page]
PASSWORD = "correct horse battery"
EVIL = '<img src=x onerror="alert(1)">'


def upload(website: Website, shop: Furnished, *names: str) -> None:
    """One batch through the real intake."""
    issued = issue(ACTOR, shop.feed)
    events = [{"event_type": "custom_event", "data": {"event_name": n, "custom_event_type": "other"}} for n in names]
    batch = {"environment": "production", "user_identities": {"customer_id": "u-1"}, "events": events}
    authorization = base64.b64encode(f"{issued.key}:{issued.secret}".encode()).decode()
    post_json(f"{website.url}/v2/events", batch, {"Authorization": f"Basic {authorization}"})


def publish(shop: Furnished, seq: int, count: int = 1, rows: int = 1, sender: str = "test", **ended: str) -> None:
    """A frame as the pipeline sends it; `ended` replaces parts of the rows: with a state, they were stopped."""
    sample = [
        {"t": "2026-11-23T10:00:00+00:00", "input": "Web", "type": "screen_view", "name": f"Screen {seq}.{n}"}
        | {"mpid": "8355306297371110", "event_id": f"{sender} {seq} {n}", "state": "stored", "reason": "", "why": ""}
        | ended
        for n in range(rows)
    ]
    counts = {"stopped" if "state" in ended else "stored": count}
    message = {"type": "feed.frame", "v": 2, "sender": sender, "seq": seq, "counts": counts, "sample": sample}
    group = feed_group(shop.workspace.pk, Environment.PRODUCTION.word)
    # A loop of its own: the browser's driver has the one of this thread.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(async_to_sync(get_channel_layer().group_send), group, message).result()


def open_live(open_page: OpenPage, website: Website, shop: Furnished, user: Any = None, **window: Any) -> Page:
    page = open_page(user or factories.member(shop.workspace), **window)
    page.goto(website.url + shop.url("live/"))
    expect(page.locator("#line")).to_have_text("Live")
    return page


def test_from_sign_in_to_the_first_event(website: Website, larder: Furnished, open_page: OpenPage) -> None:
    user = factories.member(larder.workspace, password=PASSWORD)
    page = open_page()
    page.goto(website.url)
    page.get_by_label("User name").fill(user.get_username())
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Live events")).to_be_visible()
    expect(page.get_by_text("Waiting for events in production")).to_be_visible()
    expect(page.locator("#line")).to_have_text("Live")

    website.start_pipeline()
    try:
        upload(website, larder, "Opened", EVIL)
        expect(page.locator("#rows tr")).to_have_count(2)
    finally:
        website.stop_pipeline()
    expect(page.locator("#rows tr").nth(0)).to_contain_text(EVIL)
    expect(page.locator("#rows tr").nth(1)).to_contain_text("Opened")
    expect(page.locator("#rows tr").nth(1)).to_contain_text("Larder feed")
    expect(page.locator("#rows img")).to_have_count(0)
    expect(page.locator("#total")).to_have_text("2")
    expect(page.get_by_text("Waiting for events")).to_be_hidden()
    keep_picture(page, "live-first-event")


def test_rows_are_bounded_and_counts_are_true(website: Website, larder: Furnished, open_page: OpenPage) -> None:
    page = open_live(open_page, website, larder)
    # Each frame is waited for, so that the page has painted more than it keeps.
    for seq in range(1, 8):
        publish(larder, seq, count=1000, rows=20)
        expect(page.locator("#total")).to_have_text(f"{seq * 1000:,}")
    assert page.locator("#rows tr").count() == 100
    expect(page.locator("#rows tr").first).to_contain_text("Screen 7.19")
    assert int(page.locator("#rate").inner_text().replace(",", "")) > 100
    expect(page.locator("#missed")).to_be_hidden()
    keep_picture(page, "live-busy-light")
    page.emulate_media(color_scheme="dark")
    keep_picture(page, "live-busy-dark")
    page.set_viewport_size({"width": 320, "height": 860})
    assert overflow(page) == 0
    for cell in page.locator("#rows tr").first.locator("td").all():
        box = cell.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= 320
    keep_picture(page, "live-busy-narrow")


def test_a_pause_stops_painting_and_not_counting(website: Website, larder: Furnished, open_page: OpenPage) -> None:
    page = open_live(open_page, website, larder)
    publish(larder, 1)
    expect(page.locator("#rows tr")).to_have_count(1)
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#line")).to_have_text("Paused")
    publish(larder, 2)
    expect(page.locator("#total")).to_have_text("2")
    assert page.locator("#rows tr").count() == 1
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#rows tr")).to_have_count(2)
    expect(page.locator("#line")).to_have_text("Live")


def test_lost_updates_are_admitted(website: Website, larder: Furnished, open_page: OpenPage) -> None:
    page = open_live(open_page, website, larder)
    publish(larder, 1)
    publish(larder, 3)
    expect(page.get_by_text("Some updates were missed")).to_be_visible()


def test_the_page_comes_back_by_itself_after_a_restart(
    website: Website, larder: Furnished, open_page: OpenPage, noise: Noise
) -> None:
    page = open_live(open_page, website, larder)
    publish(larder, 1)
    expect(page.locator("#total")).to_have_text("1")
    website.stop()
    expect(page.locator("#line")).to_have_text("Reconnecting")
    website.start()
    expect(page.locator("#line")).to_have_text("Live")
    publish(larder, 1, sender="another process")
    expect(page.locator("#total")).to_have_text("2")
    # That the line was dead for a while is the one thing that may be complained about.
    noise.complaints = [each for each in noise.complaints if "/live/" not in each or "WebSocket" not in each]


def test_a_member_who_is_removed_sees_no_more(website: Website, larder: Furnished, open_page: OpenPage) -> None:
    user = factories.member(larder.workspace)
    page = open_live(open_page, website, larder, user)
    Membership.objects.filter(user_id=user.pk).delete()
    expect(page.locator("#line")).to_have_text("Closed: sign in again, or ask an admin to let you in", timeout=15_000)
    publish(larder, 1)
    page.wait_for_timeout(1500)
    assert page.locator("#rows tr").count() == 0


def test_the_line_to_send_can_be_copied(website: Website, larder: Furnished, open_page: OpenPage) -> None:
    page = open_live(open_page, website, larder)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert f"curl -i {website.url}/v2/events" in page.evaluate("navigator.clipboard.readText()")


def test_the_page_begins_with_what_is_stored(website: Website, larder: Furnished, open_page: OpenPage) -> None:
    stocked = Shop(larder.feed)
    stocked.process(batch(custom_event("Earlier"), customer="u-1"), batch(custom_event(EVIL), customer="u-2"))
    stocked.process(batch(custom_event("Elsewhere"), customer="u-1", environment="development"))
    stocked.close()
    page = open_live(open_page, website, larder)

    rows = page.locator("#rows tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text(EVIL)
    expect(rows.nth(1)).to_contain_text("Earlier")
    expect(rows.nth(1)).to_contain_text("Larder feed")
    expect(rows.nth(1)).to_contain_text("Stored")
    expect(page.get_by_text("Waiting for events")).to_be_hidden()
    expect(page.locator("#total")).to_have_text("0")
    # A frame that tells of an event which the page has already.
    publish(larder, 1, event_id=str(rows.nth(0).get_attribute("data-event")))
    expect(page.locator("#total")).to_have_text("1")
    expect(rows).to_have_count(2)


def test_stopped_events_say_why(website: Website, larder: Furnished, open_page: OpenPage) -> None:
    page = open_live(open_page, website, larder)
    publish(larder, 1)
    publish(larder, 2, state="dropped", reason="duplicate", why=REASONS["duplicate"], mpid="", event_id="")
    why = f"{REASONS['malformed']} The field events is no list. {EVIL}"
    unknown: Any = {"name": "", "type": "", "mpid": "", "event_id": ""}
    publish(larder, 3, state="quarantined", reason="malformed", why=why, **unknown)

    rows = page.locator("#rows tr")
    expect(rows).to_have_count(3)
    expect(rows.nth(0)).to_contain_text("Quarantined")
    expect(rows.nth(0)).to_contain_text(why)
    expect(rows.nth(1)).to_contain_text("Duplicate")
    expect(rows.nth(1)).to_contain_text(REASONS["duplicate"])
    expect(rows.nth(2)).to_contain_text("Stored")
    expect(page.locator("#stopped")).to_have_text("2")
    expect(page.locator("#total")).to_have_text("1")
    expect(page.locator("#rows img")).to_have_count(0)
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        assert violations(page) == []
        keep_picture(page, f"live-stopped-{theme}")
    page.set_viewport_size({"width": 320, "height": 860})
    assert overflow(page) == 0
    assert violations(page) == []
    keep_picture(page, "live-stopped-narrow")


def test_a_sample_is_called_a_sample(website: Website, larder: Furnished, open_page: OpenPage) -> None:
    page = open_live(open_page, website, larder)
    publish(larder, 1, count=3, rows=3)
    expect(page.locator("#rows tr")).to_have_count(3)
    expect(page.locator("#sampled")).to_be_hidden()
    publish(larder, 2, count=5000, rows=20)
    expect(page.locator("#sampled")).to_be_visible()
    expect(page.locator("#sampled")).to_contain_text("events arrive a second")


def test_what_strangers_name_keeps_the_table_in_shape(website: Website, larder: Furnished, open_page: OpenPage) -> None:
    page = open_live(open_page, website, larder)
    publish(larder, 1, type="t" * 300, name="n" * 300, input="i" * 100)
    expect(page.locator("#rows tr")).to_have_count(1)
    page.set_viewport_size({"width": 1280, "height": 860})
    wide, room = page.evaluate(
        "() => { const box = document.querySelector('#arrived .c-scroll'); return [box.scrollWidth, box.clientWidth] }"
    )
    assert wide <= room
    keep_picture(page, "live-long-names")


def test_after_a_gap_the_table_is_asked_for_again(website: Website, larder: Furnished, open_page: OpenPage) -> None:
    page = open_live(open_page, website, larder)
    publish(larder, 1)
    expect(page.locator("#rows tr")).to_have_count(1)
    stocked = Shop(larder.feed)
    # Told to pages by this process; what is lost on the way is the point of the test.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(publisher, "add", lambda *_frame: None)
        stocked.process(batch(custom_event("Lost on the way"), customer="u-1"))
    stocked.close()
    publish(larder, 3)

    expect(page.locator("#missed")).to_be_visible()
    expect(page.locator("#rows").get_by_text("Lost on the way")).to_have_count(1)
    expect(page.locator("#rows tr")).to_have_count(3)


def test_a_hidden_page_is_not_painted(website: Website, larder: Furnished, open_page: OpenPage) -> None:
    page = open_live(open_page, website, larder)
    hide = "(isHidden) => { Object.defineProperty(document, 'hidden', { configurable: true, get: () => isHidden });"
    hide += " document.dispatchEvent(new Event('visibilitychange')); }"
    page.evaluate(hide, True)
    publish(larder, 1)
    expect(page.locator("#total")).to_have_text("1")
    assert page.locator("#rows tr").count() == 0
    page.evaluate(hide, False)
    expect(page.locator("#rows tr")).to_have_count(1)


def test_pausing_needs_no_mouse(website: Website, larder: Furnished, open_page: OpenPage) -> None:
    page = open_live(open_page, website, larder)
    page.get_by_role("button", name="Pause").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#line")).to_have_text("Paused")
    page.keyboard.press("Space")
    expect(page.locator("#line")).to_have_text("Live")
