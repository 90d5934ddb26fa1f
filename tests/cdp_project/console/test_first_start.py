"""The first start, the later ones, and `manage.py credentials`."""

import io
import json
import re

import pytest
from django.contrib.auth import authenticate, get_user_model
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client

from cdp_project.console.bootstrap import NO_DEMO, first_start
from cdp_project.kernel import secretbox
from cdp_project.workspaces.audit import Actor
from cdp_project.workspaces.models import ApiCredential, AuditEntry, Membership, Role, Workspace
from connections.models import Connection, Output
from events.intake.issuing import end
from events.models import Input, InputKey
from tests import factories

pytestmark = pytest.mark.django_db


def counts() -> list[int]:
    kinds = (get_user_model(), Workspace, Membership, Input, InputKey, Output, Connection, AuditEntry)
    return [kind.objects.count() for kind in kinds]


def pair_in(curl: str) -> tuple[str, str]:
    found = re.search(r"-u '([^:]+):([^']+)'", curl)
    assert found is not None
    return found[1], found[2]


def works(curl: str) -> bool:
    key, secret = pair_in(curl)
    stored = InputKey.objects.select_related("input").get(key=key)
    return (
        stored.input.is_active
        and stored.expires_at is None
        and bytes(stored.secret_digest) == secretbox.fingerprint(secret)
    )


def test_the_first_start_makes_everything_once() -> None:
    made = first_start()
    assert made.created
    assert made.password is not None
    user = authenticate(username="admin", password=made.password)
    assert user is not None
    demo = Workspace.objects.get()
    assert (demo.slug, demo.name) == ("demo", "Demo")
    assert Membership.objects.get().role == Role.ADMIN
    assert sorted(Input.objects.values_list("kind", "platform")) == [("feed", None), ("platform", "web")]
    assert Output.objects.get().settings == {"url": "http://127.0.0.1:8099/"}
    assert Connection.objects.count() == 2
    assert works(made.curl)
    key, secret = pair_in(made.curl)
    assert key in made.sdk_snippet
    assert secret in made.sdk_snippet
    assert '"http://127.0.0.1:8000/v2"' in made.sdk_snippet

    before = counts()
    again = first_start()
    assert counts() == before
    assert (again.created, again.password) == (False, None)
    assert again.curl == made.curl


def test_the_password_is_random() -> None:
    first = first_start().password
    get_user_model().objects.all().delete()
    second = first_start().password
    assert first != second
    assert len(second or "") >= 20


def test_host_and_ports_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST", "::")
    monkeypatch.setenv("PORT", "9000")
    monkeypatch.setenv("CDP_SINK_PORT", "8100")
    made = first_start()
    assert made.console_url == "http://[::1]:9000/"
    assert "http://[::1]:9000/v2/events" in made.curl
    assert Output.objects.get().settings["url"] == "http://127.0.0.1:8100/"


def test_the_sink_is_followed_to_its_new_port_and_others_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    first_start()
    demo = Workspace.objects.get()
    own = factories.output(demo, url="https://hooks.example.com/")
    local = Output.objects.create(
        workspace=demo, integration="webhook", name="Local sink", settings={"url": "http://127.0.0.1:9999/"}
    )
    monkeypatch.setenv("CDP_SINK_PORT", "8222")
    first_start()
    assert Output.objects.exclude(pk__in=[own.pk, local.pk]).get().settings["url"] == "http://127.0.0.1:8222/"
    own.refresh_from_db()
    assert own.settings["url"] == "https://hooks.example.com/"
    local.refresh_from_db()
    assert local.settings["url"] == "http://127.0.0.1:9999/"


def test_a_sink_with_another_name_is_somebodys_own(monkeypatch: pytest.MonkeyPatch) -> None:
    first_start()
    Output.objects.update(name="Mine")
    monkeypatch.setenv("CDP_SINK_PORT", "8222")
    first_start()
    assert Output.objects.get().settings["url"] == "http://127.0.0.1:8099/"


def test_the_curl_line_works_again_after_its_key_was_ended() -> None:
    made = first_start()
    end(Actor("test"), InputKey.objects.get(key=pair_in(made.curl)[0]))
    again = first_start()
    assert pair_in(again.curl) != pair_in(made.curl)
    assert works(again.curl)
    before = counts()
    assert first_start().curl == again.curl
    assert counts() == before


def test_what_somebody_removed_is_not_made_again() -> None:
    first_start()
    factories.workspace("mine")
    Workspace.objects.get(slug="demo").delete()
    made = first_start()
    assert made.curl == NO_DEMO
    assert not Workspace.objects.filter(slug="demo").exists()


def test_an_operator_who_was_there_before_gets_the_demo() -> None:
    get_user_model().objects.create_superuser("olga", password="x")
    made = first_start()
    assert (made.username, made.password) == ("olga", None)
    assert Membership.objects.get().user.username == "olga"


def credentials(*arguments: str) -> str:
    out = io.StringIO()
    call_command("credentials", *arguments, stdout=out)
    return out.getvalue()


def test_credentials_are_one_line_of_json_that_works(empty_cache: None) -> None:
    first_start()
    printed = credentials("--workspace", "demo", "--json")
    assert printed.count("\n") == 1
    fresh = json.loads(printed)
    assert list(fresh) == [
        "base_url",
        "workspace_id",
        "client_id",
        "client_secret",
        "web_key",
        "server_key",
        "server_secret",
    ]
    answer = Client().post(
        "/oauth/token",
        {
            "client_id": fresh["client_id"],
            "client_secret": fresh["client_secret"],
            "grant_type": "client_credentials",
        },
        content_type="application/json",
    )
    assert answer.status_code == 200
    assert ApiCredential.objects.get().role == Role.ADMIN
    assert InputKey.objects.get(key=fresh["web_key"]).input.platform == "web"
    assert InputKey.objects.get(key=fresh["server_key"]).input.kind == "feed"
    assert json.loads(credentials("--workspace", "demo", "--json"))["server_key"] != fresh["server_key"]


def test_credentials_of_an_empty_workspace_make_its_inputs(workspace: Workspace) -> None:
    text = credentials("--workspace", workspace.slug)
    assert "client secret" in text
    assert Input.objects.filter(workspace=workspace).count() == 2


def test_an_unknown_workspace_is_one_sentence_that_helps(workspace: Workspace) -> None:
    with pytest.raises(CommandError, match=f"There is no workspace 'nope'; there are: {workspace.slug}"):
        credentials("--workspace", "nope")
    assert ApiCredential.objects.count() == 0
