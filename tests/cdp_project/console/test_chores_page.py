"""The operator's list of chores: each with its last run, and nobody else's page."""

from datetime import timedelta

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from cdp_project.kernel import chores, clock
from tests import factories
from tests.cdp_project.console.conftest import Furnished

pytestmark = pytest.mark.django_db(transaction=True)


def broken(_connection: object) -> int:
    raise LookupError("<b>no broom</b>")


def operator(of: Furnished) -> Client:
    client = Client()
    client.force_login(factories.member(of.workspace, operator=True))
    return client


def test_every_chore_is_there_with_its_last_run(larder: Furnished, settings: Settings) -> None:
    settings.CELERY_BEAT_SCHEDULE = {
        name: {"task": f"shop.tasks.{name}", "schedule": 60.0} for name in ("sweep", "dust", "air", "rest")
    }
    chores.run("shop.tasks.sweep", lambda _connection: 42)
    with pytest.raises(LookupError):
        chores.run("shop.tasks.dust", broken)
    with clock.frozen(clock.now() - timedelta(minutes=5)):
        chores.run("shop.tasks.air", lambda _connection: 0)
    page = operator(larder).get("/admin/chores/").content.decode()

    for said in ("Sweep (shop)", "42", "Failed", "Late", "1 min"):
        assert f">{said}<" in page
    # What an error says is text.
    assert "LookupError: &lt;b&gt;no broom&lt;/b&gt;" in page
    assert "<b>no broom" not in page
    assert 'href="/admin/chores/"' in page


def test_it_is_the_operators_alone_and_outside_every_workspace(larder: Furnished) -> None:
    member = Client()
    member.force_login(factories.member(larder.workspace))
    assert member.get("/admin/chores/", follow=False).status_code in {302, 404}
    assert b"chores/" not in member.get(larder.url("live/")).content
    for client in (member, operator(larder)):
        assert client.get(larder.url("chores/")).status_code == 404
    assert Client().get("/admin/chores/").status_code == 302
