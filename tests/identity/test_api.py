"""Reading people and events back over HTTP."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from cdp_project.kernel import clock, cursor
from cdp_project.workspaces import configuration, credentials, tokens
from cdp_project.workspaces.audit import Actor
from cdp_project.workspaces.models import ApiCredential, Role, Workspace
from events.selectors import EventPlace, EventView, events_at
from tests import factories
from tests.shop import Shop, batch, custom_event

Answer = tuple[int, dict[str, Any]]
Ask = Callable[..., Answer]


def token_of(workspace: Workspace, role: Role = Role.VIEWER) -> str:
    credential = ApiCredential(workspace=workspace, name="reader", role=role)
    credentials.issue(Actor("test"), credential)
    return tokens.issue(credential, clock.now())


@pytest.fixture
def ask(shop: Shop, client: Client) -> Ask:
    """GET below the workspace with a token of the lowest role."""
    token = token_of(shop.workspace)

    def ask(path: str, **query: str) -> Answer:
        answer = client.get(
            f"/api/v1/workspaces/{shop.workspace.pk}/{path}", query, headers={"authorization": f"Bearer {token}"}
        )
        return answer.status_code, answer.json()

    return ask


NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
CUSTOMER = {"identity_type": "customer_id", "identity": "u-1"}


def test_an_event_is_read_back_by_customer_id(shop: Shop, ask: Ask) -> None:
    shop.process(batch(custom_event("Add Coupon", custom_attributes={"code": "SPRING"}), customer="u-1"))
    status, answer = ask("events", **CUSTOMER)

    (event,) = answer["results"]
    (stored,) = shop.events()
    assert (status, answer["next"]) == (200, None)
    assert event["event_id"] == str(stored["event_id"])
    assert event["batch_id"] == str(stored["batch_id"])
    assert event["mpid"] == str(stored["mpid"])
    assert (event["event_type"], event["name"], event["environment"]) == ("custom_event", "Add Coupon", "production")
    assert event["data"]["custom_attributes"]["code"] == "SPRING"
    assert event["withheld"] == {}
    assert event["batch_violations"] == []


def test_an_event_tells_what_was_mended_in_its_batch(shop: Shop, ask: Ask) -> None:
    identities = {"customer_id": "u-1", "shoe_size": "44"}
    shop.process(batch(custom_event(timestamp_unixtime_ms="soon"), user_identities=identities))
    _, answer = ask("events", **CUSTOMER)

    assert answer["results"][0]["batch_violations"] == [
        {"code": "identity_type_unknown", "pointer": "/user_identities/shoe_size"},
        {"code": "time_unusable", "pointer": "/events/0/data/timestamp_unixtime_ms"},
    ]


def test_of_several_people_only_the_page_is_read_whole(shop: Shop, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    for person in range(3):
        shop.process(batch(custom_event(), custom_event(), customer=f"u-{person}", user_identities={"email": "e@x"}))
    read: list[int] = []

    def counted(places: Sequence[EventPlace]) -> list[EventView]:
        read.append(len(places))
        return events_at(places)

    monkeypatch.setattr("identity.api.events_at", counted)
    status, answer = ask("events", identity_type="email", identity="e@x", limit="4")
    _, rest = ask("events", identity_type="email", identity="e@x", limit="4", cursor=answer["next"])

    assert (status, read, rest["next"]) == (200, [4, 2], None)
    shown = [event["event_id"] for event in answer["results"] + rest["results"]]
    newest = sorted(shop.events(), key=lambda event: (event["occurred_at"], event["event_id"]), reverse=True)
    assert shown == [str(event["event_id"]) for event in newest]


def test_nobody_has_no_events(ask: Ask) -> None:
    assert ask("events", **CUSTOMER) == (200, {"results": [], "next": None})
    assert ask("events", mpid="12345") == (200, {"results": [], "next": None})


def test_pages_follow_one_another_without_gap_or_double(shop: Shop, ask: Ask) -> None:
    # Around a whole second: texts of times sort as the times do only where none leaves its fraction out.
    same = clock.milliseconds(clock.now().replace(microsecond=1000))
    events = [custom_event(str(number), timestamp_unixtime_ms=same - number // 3) for number in range(10)]
    shop.process(batch(*events[:6], customer="u-1"), batch(*events[6:], customer="u-1"))

    seen: list[dict[str, Any]] = []
    query: dict[str, str] = {}
    while True:
        status, answer = ask("events", limit="4", **CUSTOMER, **query)
        assert status == 200
        seen += answer["results"]
        if answer["next"] is None:
            break
        query = {"cursor": answer["next"]}

    assert sorted(event["name"] for event in seen) == sorted(str(number) for number in range(10))
    assert [event["occurred_at"] for event in seen] == sorted((e["occurred_at"] for e in seen), reverse=True)


def test_events_of_everybody_are_paged_in_the_order_of_acceptance(shop: Shop, ask: Ask) -> None:
    other = Shop(factories.feed(factories.workspace()))
    other.process(batch(custom_event("Foreign"), customer="u-1"))
    other.runner.close()
    # Within one millisecond they would stand in any order.
    for number in range(5):
        with clock.frozen(clock.now() - timedelta(seconds=10 - number)):
            shop.post(batch(custom_event(str(number)), customer=f"u-{number}"))
    shop.drain()

    seen: list[str] = []
    query: dict[str, str] = {}
    while "cursor" not in query or query["cursor"]:
        _, answer = ask("events", limit="2", **query)
        seen += [event["name"] for event in answer["results"]]
        query = {"cursor": answer["next"]}

    assert seen == ["4", "3", "2", "1", "0"]


def test_an_event_tells_on_which_connections_it_went_out(shop: Shop, ask: Ask) -> None:
    on = factories.connection(shop.source, factories.output(shop.workspace, url="https://hooks.example.com/"))
    off = factories.connection(
        shop.source, factories.output(shop.workspace, url="https://hooks.example.com/", send="batch")
    )
    off.is_active = False
    off.save()
    configuration.changed(shop.workspace)
    shop.process(batch(custom_event(), customer="u-1"))

    (event,) = ask("events")[1]["results"]
    assert event["forwarded"] == [on.pk]
    assert event["withheld"] == {str(off.pk): "connection_off"}


def test_an_identity_of_several_people_shows_the_events_of_all(shop: Shop, ask: Ask) -> None:
    for customer in ("u-1", "u-2"):
        shop.process(batch(custom_event(customer), customer=customer, user_identities={"email": "family@example.com"}))

    _, answer = ask("events", identity_type="email", identity="family@example.com")
    assert [event["name"] for event in answer["results"]] == ["u-2", "u-1"]
    _, answer = ask("profiles", identity_type="email", identity="family@example.com")
    assert len(answer["results"]) == 2


def test_environments_are_read_apart(shop: Shop, ask: Ask) -> None:
    shop.process(batch(custom_event(), customer="u-1", environment="development"))

    assert ask("events", **CUSTOMER)[1]["results"] == []
    assert len(ask("events", environment="development", **CUSTOMER)[1]["results"]) == 1


def test_a_profile_is_found_by_identity_and_by_mpid(shop: Shop, ask: Ask) -> None:
    shop.process(
        batch(
            customer="u-1",
            device="d-1",
            user_attributes={"tag": None, "plan": "gold"},
            device_info={"platform": "iOS"},
            consent_state={"gdpr": {"ads": {"consented": True, "timestamp_unixtime_ms": 1}}},
        )
    )
    _, found = ask("profiles", **CUSTOMER)
    (profile,) = found["results"]
    assert profile["attributes"] == {"tag": None, "plan": "gold"}
    assert profile["identities"] == {"customer_id": "u-1"}
    assert profile["devices"]["d-1"]["platform"] == "iOS"
    assert profile["consent"]["gdpr"]["ads"]["consented"] is True
    assert isinstance(profile["mpid"], str)
    assert ask(f"profiles/{profile['mpid']}") == (200, profile)


def test_sessions_of_a_person_are_paged(shop: Shop, ask: Ask) -> None:
    now_ms = clock.milliseconds(clock.now())
    for number in range(3):
        event = custom_event(session_uuid=f"s-{number}", timestamp_unixtime_ms=now_ms - 60_000 * (3 - number))
        shop.process(batch(event, event, customer="u-1"))
    mpid = shop.profile()["mpid"]

    _, first = ask(f"profiles/{mpid}/sessions", limit="2")
    _, second = ask(f"profiles/{mpid}/sessions", limit="2", cursor=first["next"])
    seen = first["results"] + second["results"]
    assert (len(first["results"]), second["next"]) == (2, None)
    assert [each["session_id"] for each in seen] == [str(e["session_id"]) for e in reversed(shop.events()[::2])]
    assert {(each["event_count"], each["ended_at"]) for each in seen} == {(2, None)}
    assert ask("profiles/12345/sessions")[0] == 404
    assert ask(f"profiles/{mpid}/sessions", environment="development")[0] == 404


def test_nobody_has_no_profile(ask: Ask) -> None:
    assert ask("profiles", **CUSTOMER) == (200, {"results": []})
    assert ask("profiles/12345")[0] == 404


@pytest.mark.parametrize(
    ("parameter", "query"),
    [
        ("identity_type", {"identity": "u-1"}),
        ("'identty'", {"identty": "u-1"}),
        ("identity_type", {"identity_type": "shoe_size", "identity": "44"}),
        ("identity", {"identity_type": "customer_id"}),
        ("identity", {"identity_type": "customer_id", "identity": ""}),
        ("identity", {"identity_type": "customer_id", "identity": "x" * 257}),
        ("mpid", {"mpid": "abc"}),
        ("mpid", {"mpid": "9223372036854775808"}),
        ("mpid", {"mpid": "٣"}),
        ("mpid", {"mpid": "1", **CUSTOMER}),
        ("environment", {"environment": "staging", **CUSTOMER}),
        ("limit", {"limit": "0", **CUSTOMER}),
        ("limit", {"limit": "501", **CUSTOMER}),
        ("limit", {"limit": "many", **CUSTOMER}),
        ("cursor", {"cursor": "nonsense", **CUSTOMER}),
        ("cursor", {"cursor": "ÿ", **CUSTOMER}),
        ("cursor", {"cursor": cursor.encode((1, 2)), **CUSTOMER}),
        ("cursor", {"cursor": cursor.encode((datetime(2026, 1, 1), UUID(int=1))), **CUSTOMER}),  # noqa: DTZ001
        ("cursor", {"cursor": cursor.encode((NEW_YEAR, UUID(int=2**128 - 1)))}),
    ],
)
def test_a_parameter_that_cannot_be_used_is_named(ask: Ask, parameter: str, query: dict[str, str]) -> None:
    status, problem = ask("events", **query)

    assert (status, problem["code"]) == (400, "bad_parameter")
    assert f"parameter {parameter} " in problem["detail"]


def test_a_parameter_is_given_once(shop: Shop, client: Client) -> None:
    address = f"/api/v1/workspaces/{shop.workspace.pk}/events"
    bearer = {"authorization": f"Bearer {token_of(shop.workspace)}"}
    answer = client.get(address, {"mpid": ["1", "2"]}, headers=bearer)

    assert (answer.status_code, answer.json()["code"]) == (400, "bad_parameter")


def test_nul_in_a_parameter_is_a_bad_request(shop: Shop, client: Client) -> None:
    address = f"/api/v1/workspaces/{shop.workspace.pk}/events"
    bearer = {"authorization": f"Bearer {token_of(shop.workspace)}"}
    answer = client.get(address, {"identity_type": "customer_id", "identity": "a\0b"}, headers=bearer)

    assert answer.status_code == 400


def test_a_profile_by_a_wrong_mpid_is_a_bad_parameter(ask: Ask) -> None:
    assert ask("profiles/abc")[1]["code"] == "bad_parameter"


@pytest.mark.parametrize("path", ["events?mpid=1", "profiles?identity_type=email&identity=x", "profiles/1"])
def test_strangers_see_nothing(shop: Shop, client: Client, path: str) -> None:
    address = f"/api/v1/workspaces/{shop.workspace.pk}/{path}"
    foreign = {"authorization": f"Bearer {token_of(factories.workspace())}"}

    assert client.get(address).status_code == 401
    assert client.get(address, headers={"authorization": "Bearer wrong"}).status_code == 401
    assert client.get(address, headers=foreign).status_code == 404


def test_another_workspaces_person_shows_none_of_its_events(shop: Shop, ask: Ask) -> None:
    other = Shop(factories.feed(factories.workspace()))
    other.process(batch(custom_event(), customer="u-1"))
    other.runner.close()
    mpid = other.events()[0]["mpid"]

    assert ask("events", mpid=str(mpid))[1]["results"] == []
    assert ask("events", **CUSTOMER)[1]["results"] == []
    assert ask(f"profiles/{mpid}")[0] == 404
