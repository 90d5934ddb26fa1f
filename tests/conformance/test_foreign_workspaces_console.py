"""A member walks the console with a neighbour's objects: every page answers as for what does not exist."""

import re
from typing import Any
from urllib.parse import unquote

import pytest
from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.test import Client

from cdp_project.workspaces.models import Role
from events.models import Input
from tests import factories
from tests.conformance.caller import without
from tests.conformance.conftest import CANARY
from tests.conformance.estate import IDS, NO_NUMBER, Estate
from tests.conformance.routes import ADMIN, Route, routes
from tests.conformance.test_foreign_workspaces import rows_of

# What the numbers on a model's pages are of.
WORDS = {
    "input": "inputs",
    "output": "outputs",
    "connection": "connections",
    "membership": "members",
    "apicredential": "credentials",
    "auditentry": "audit-log",
    "workspace": "workspaces",
}
# Of the installation: they belong to no workspace.
OF_NOBODY = {"user"}
ON_SITE = "admin/r/<path:content_type_id>/<path:object_id>/"
PAGES = [route for route in routes(ADMIN) if route.words and "(?P" not in route.text and route.text != ON_SITE]
# Which differ between any two answers.
PASSING = re.compile(r'name="csrfmiddlewaretoken" value="\w+"|X-CSRFToken[^}]*')
Estates = tuple[Estate, Estate]


@pytest.fixture(params=[Role.VIEWER, Role.ADMIN], ids=lambda role: str(role.label))
def browser(request: pytest.FixtureRequest, estates: Estates) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(factories.member(estates[0].workspace, request.param))
    return client


def number_of(route: Route, estate: Estate) -> str:
    return str(estate.member.pk) if route.words[0] in OF_NOBODY else IDS[WORDS[route.words[0]]](estate)


def path_of(route: Route, number: str) -> str:
    return re.sub(r"<[^>]+>", number, route.text)


def seen(client: Client, method: str, path: str, body: dict[str, Any], used: list[str]) -> tuple[int, str, str]:
    """Status, where it leads, and the page at the end of it, without what we said ourselves."""
    answer = getattr(client, method)(path, body, follow=True)
    page = PASSING.sub("", unquote(answer.content.decode()))
    return answer.status_code, without(str(answer.redirect_chain), used), without(page, used)


def differences(client: Client, path: str, theirs: list[str], nobodys: list[str], body: dict[str, Any]) -> list[str]:
    """What is told of the neighbour; `path` and texts of `body` have {} where ids go."""
    faults = []
    for method in ("get", "post"):
        answers = []
        for ids in (theirs, nobodys):
            filled = {name: text.format(*ids) for name, text in body.items()}
            answers.append(seen(client, method, path.format(*ids), filled, theirs + nobodys))
        if answers[0] != answers[1]:
            faults.append(f"{method} {path}: {answers[0]} for the neighbour's, {answers[1]} for nobody's")
        if CANARY in answers[0][2] + answers[0][1]:
            faults.append(f"{method} {path} shows {CANARY}")
        if answers[0][0] >= 500:
            faults.append(f"{method} {path} is {answers[0][0]}")
    return faults


def test_every_page_with_an_object_is_known() -> None:
    unknown = sorted({word for route in PAGES for word in route.words} - WORDS.keys() - OF_NOBODY)

    assert unknown == [], f"Say in WORDS of {__file__} what the numbers on pages below these are of: {unknown}."
    assert len(PAGES) > 20


def test_pages_of_a_foreign_workspace_do_not_exist(browser: Client, estates: Estates) -> None:
    _, theirs = estates
    before, faults = rows_of(theirs), []
    for route in [*PAGES, *(each for each in routes(ADMIN) if not each.words and "(?P" not in each.text)]:
        for environment in ("production", "development"):
            page = path_of(route, number_of(route, theirs)) if route.words else route.text
            path = f"/w/{{}}/{environment}/{page}"
            faults += differences(browser, path, [theirs.workspace.slug], ["nobodys-slug"], {"post": "yes"})
            if browser.get(path.format(theirs.workspace.slug)).status_code != 404:
                faults.append(f"{path} is not 404")

    assert faults == [], "\n".join(faults[:5])
    assert rows_of(theirs) == before


def test_foreign_objects_on_our_own_pages_do_not_exist(browser: Client, estates: Estates) -> None:
    ours, theirs = estates
    before, faults = rows_of(theirs), []
    place = f"/w/{ours.workspace.slug}/production"
    for route in PAGES:
        path = f"{place}/{path_of(route, '{}')}"
        faults += differences(browser, path, [number_of(route, theirs)], [NO_NUMBER], {"post": "yes", "name": "x"})
    kind = ContentType.objects.get_for_model(Input).pk
    faults += differences(browser, f"{place}/admin/r/{kind}/{{}}/", [IDS["inputs"](theirs)], [NO_NUMBER], {})

    assert faults == [], "\n".join(faults[:5])
    assert rows_of(theirs) == before


def test_actions_and_filters_on_our_own_lists_reach_nothing_foreign(browser: Client, estates: Estates) -> None:
    ours, theirs = estates
    before, faults = rows_of(theirs), []
    for model, site in admin.site._registry.items():
        word = WORDS.get(str(model._meta.model_name))
        if word is None:
            continue
        ids = [IDS[word](theirs)], [NO_NUMBER]
        path = f"/w/{ours.workspace.slug}/production/admin/{model._meta.app_label}/{model._meta.model_name}/"
        names = [getattr(each, "__name__", str(each)) for each in (site.actions or [])]
        for action in {*names, *(name for name, _ in admin.site.actions)}:
            posted = {"action": action, "_selected_action": "{}", "select_across": "1", "post": "yes"}
            faults += differences(browser, path, *ids, posted)
        for query in ("pk={}", "id__in={}", "input={}", "output={}", "workspace={}", "q={}"):
            faults += differences(browser, f"{path}?{query}", *ids, {})

    assert faults == [], "\n".join(faults[:5])
    assert rows_of(theirs) == before


@pytest.mark.parametrize("model", ["input", "output"])
def test_foreign_objects_cannot_be_chosen_in_forms(browser: Client, estates: Estates, model: str) -> None:
    ours, theirs = estates
    posted = {"input": IDS["inputs"](ours), "output": IDS["outputs"](ours), "is_active": "on", model: "{}"}
    path = f"/w/{ours.workspace.slug}/production/admin/connections/connection/add/"
    before = rows_of(theirs)

    assert differences(browser, path, [IDS[WORDS[model]](theirs)], [NO_NUMBER], posted) == []
    assert rows_of(theirs) == before


def test_our_own_pages_do_not_name_the_neighbour(browser: Client, estates: Estates) -> None:
    ours, _ = estates
    for route in routes(ADMIN):
        if "(?P" not in route.text and route.text != ON_SITE:
            page = path_of(route, number_of(route, ours)) if route.words else route.text
            answer = browser.get(f"/w/{ours.workspace.slug}/production/{page}", follow=True)
            assert CANARY not in answer.content.decode() + str(answer.headers), page
