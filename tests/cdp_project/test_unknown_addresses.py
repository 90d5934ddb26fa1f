"""Unknown addresses: programs get what they can read, never a page and never a redirect."""

import pytest
from django.test import Client


@pytest.mark.parametrize(
    ("path", "near"),
    [
        ("/v2/event", "/v2/events"),
        ("/v2/events/", "/v2/events"),
        ("/V2/Events", "/v2/events"),
        ("/v2/bulkevent", "/v2/bulkevents"),
        ("/v1/events", "/v2/events"),
        ("/oauth/token/", "/oauth/token"),
        ("/v3/zzzzzzzzzzzzzzzzzzzzzzzz", None),
        ("/oauth", None),
    ],
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_below_the_intake_the_nearest_address_is_named(db: None, method: str, path: str, near: str | None) -> None:
    answer = getattr(Client(enforce_csrf_checks=True), method)(path)

    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/json")
    body = answer.json()
    assert body["code"] == body["errors"][0]["code"] == "NOT_FOUND"
    if near:
        assert body["message"] == f"There is no such address. Did you mean {near}?"
    else:
        assert "There is no such address." in body["message"]


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/v1/nothing", "/API/v1/", "/api/schema"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_below_the_api_it_is_a_problem(db: None, method: str, path: str) -> None:
    answer = getattr(Client(enforce_csrf_checks=True), method)(path)

    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json")
    problem = answer.json()
    assert (problem["code"], problem["title"]) == ("not_found", "Not found")
    assert problem["detail"].startswith("There is no such address.")


def test_people_still_get_a_page(db: None) -> None:
    answer = Client().get("/vault")

    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("text/html")
