"""The quarantine: looked at, processed again, discarded; each batch exactly once, and the sums hold all the while."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.test import Client

from cdp_project.kernel.outcome import Quarantine
from cdp_project.workspaces.audit import Actor
from cdp_project.workspaces.environment import Environment
from cdp_project.workspaces.models import AuditEntry, Role
from events.models import Quarantined
from events.pipeline import Chunk, apply, load_steps
from events.processing.runner import Runner
from events.quarantine import actions, moving
from events.quarantine.moving import Moved, Selection
from tests import factories
from tests.identity.test_api import token_of
from tests.shop import Shop, batch, custom_event

Answer = tuple[int, dict[str, Any]]
Ask = Callable[..., Answer]
BAD = "a secret name"


def fail_on_bad(chunk: Chunk) -> None:
    if any(item.event.name == BAD for context in chunk.open() for item in context.items):
        raise ZeroDivisionError


def put_aside(shop: Shop, *customers: str, each: int = 2) -> None:
    """So many bad batches of two events, and one good batch."""
    shop.runner.close()
    shop.runner = Runner([*load_steps(), apply(fail_on_bad)])
    bad = [custom_event(BAD) for _ in range(each)]
    shop.process(batch(custom_event("good"), customer="u-0"), *(batch(*bad, customer=each) for each in customers))


def mend(shop: Shop) -> None:
    """From now on everything can be processed."""
    shop.runner.close()
    # The same holder: the leases of its lanes go on.
    shop.runner = Runner(holder=shop.runner._holder)


def outcomes(shop: Shop) -> dict[str, int]:
    return {reason: count for reason, count in shop.outcomes().items() if count}


@pytest.fixture
def ask(shop: Shop, client: Client) -> Ask:
    """GET, or POST of a body, below the quarantine."""
    tokens = {role: token_of(shop.workspace, role) for role in (Role.VIEWER, Role.EDITOR)}

    def ask(path: str = "", body: object = None, role: Role = Role.EDITOR, **query: str) -> Answer:
        address = f"/api/v1/workspaces/{shop.workspace.pk}/quarantine{path}"
        headers = {"authorization": f"Bearer {tokens[role]}"}
        if body is None:
            answer = client.get(address, query, headers=headers)
        else:
            answer = client.post(address, body, "application/json", query_params=query, headers=headers)
        return answer.status_code, answer.json()

    return ask


def test_the_list_shows_the_newest_first_page_by_page(shop: Shop, ask: Ask) -> None:
    put_aside(shop, "u-1", "u-2", "u-3")
    seen: list[str] = []
    query: dict[str, str] = {}
    while "cursor" not in query or query["cursor"]:
        status, answer = ask(role=Role.VIEWER, limit="2", **query)
        assert status == 200
        seen += [each["batch_id"] for each in answer["results"]]
        query = {"cursor": answer["next"]}

    stored = Quarantined.objects.order_by("-quarantined_at", "-batch_id").values_list("batch_id", flat=True)
    assert seen == [str(each) for each in stored]
    assert len(set(seen)) == 3


def test_a_batch_tells_why_and_only_editors_see_what_was_sent(shop: Shop, ask: Ask) -> None:
    put_aside(shop, "u-1")
    ((listed,),) = (ask()[1]["results"],)
    status, shown = ask(f"/{listed['batch_id']}")

    assert status == 200
    assert (shown["reason"], shown["detail"], shown["event_count"]) == ("poison", "builtins.ZeroDivisionError", 2)
    assert shown["sentence"] == "Processing the batch failed again and again."
    assert BAD in shown["body"]
    assert shown["body_is_cut"] is False
    assert "body" not in listed
    assert ask(f"/{listed['batch_id']}", role=Role.VIEWER)[1]["body"] is None


def test_sizes_are_those_of_what_was_sent(shop: Shop, ask: Ask) -> None:
    for name in ("short", "long " * 500):
        shop.post([batch({"event_type": "custom_event", "data": {"a": name}}, customer="u-1")], "v2/bulkevents")
    shop.drain()

    sizes = []
    for listed in ask()[1]["results"]:
        shown = ask(f"/{listed['batch_id']}")[1]
        assert listed["size_bytes"] == shown["size_bytes"] == len(shown["body"])
        sizes.append(shown["size_bytes"])
    assert max(sizes) > 2500 > max(len(row["body"]) for row in shop.rows("quarantine"))


@pytest.mark.parametrize("reason", ["duplicate", "held", "nonsense"])
def test_reasons_that_never_stand_there_are_refused(shop: Shop, ask: Ask, reason: str) -> None:
    status, problem = ask(reason=reason)
    assert (status, problem["code"]) == (400, "bad_parameter")
    assert "malformed" in problem["detail"]
    assert "retrying" not in problem["detail"]
    assert ask("/retry", {"reason": reason})[0] == 400
    with pytest.raises(CommandError, match="reason"):
        call_command("quarantine", "list", "--workspace", shop.workspace.slug, "--reason", reason)


def test_the_list_is_narrowed_by_reason_and_input(shop: Shop, ask: Ask) -> None:
    put_aside(shop, "u-1")
    shop.post([{"environment": "staging"}], "v2/bulkevents")
    shop.drain()

    assert [each["reason"] for each in ask(reason="malformed")[1]["results"]] == ["malformed"]
    assert len(ask(input_id=str(shop.source.pk))[1]["results"]) == 2
    assert ask(input_id=str(shop.source.pk + 1))[1]["results"] == []
    assert ask(environment="development")[1]["results"] == []
    assert ask(reason="nonsense")[1]["code"] == "bad_parameter"
    assert ask(input_id="x")[1]["code"] == "bad_parameter"


def test_batches_that_go_again_are_processed_under_their_ids(shop: Shop, ask: Ask) -> None:
    put_aside(shop, "u-1", "u-2")
    aside = {row["batch_id"] for row in shop.rows("quarantine")}
    assert outcomes(shop) == {"stored": 1, "poison": 4}
    mend(shop)

    assert ask("/retry", {"reason": "poison"}) == (200, {"batches": 2, "events": 4, "is_more": False})

    assert outcomes(shop) == {"stored": 1}
    assert {row["batch_id"] for row in shop.rows("inbox")} == aside
    assert shop.rows("quarantine") == []
    shop.drain()
    assert outcomes(shop) == {"stored": 5}
    assert aside <= {event["batch_id"] for event in shop.events()}


def quarantine_bad(chunk: Chunk) -> None:
    for context in chunk.open():
        if any(item.event.name == BAD for item in context.items):
            context.outcome = Quarantine("poison")


def put_aside_by_step(shop: Shop) -> None:
    """From now on bad batches are put aside as soon as their ids are claimed."""
    steps = load_steps()
    steps.insert([step.name for step in steps].index("events.steps.drop_duplicates") + 1, apply(quarantine_bad))
    shop.runner.close()
    shop.runner = Runner(steps)


def test_what_a_step_puts_aside_is_no_repeat_of_itself(shop: Shop, ask: Ask) -> None:
    put_aside_by_step(shop)
    ids = [custom_event(BAD, source_message_id="m-1"), custom_event("new", source_message_id="m-2")]
    shop.process(batch(custom_event("old", source_message_id="m-2"), customer="u-1"))
    shop.process(batch(*ids, customer="u-1", source_request_id="r-1"))
    assert outcomes(shop) == {"stored": 1, "poison": 2}
    mend(shop)
    ask("/retry", {"reason": "poison"})
    shop.drain()
    assert outcomes(shop) == {"stored": 2, "duplicate": 1}

    shop.process(batch(*ids, customer="u-1", source_request_id="r-1"))
    assert outcomes(shop) == {"stored": 2, "duplicate": 3}
    assert sorted(event["name"] for event in shop.events()) == [BAD, "old"]


def test_what_was_sent_again_meanwhile_is_not_stored_twice(shop: Shop, ask: Ask) -> None:
    put_aside_by_step(shop)
    sent = batch(custom_event(BAD), customer="u-1", source_request_id="r-1")
    shop.process(sent)
    mend(shop)
    shop.process(sent)
    ask("/retry", {"reason": "poison"})
    shop.drain()

    assert outcomes(shop) == {"stored": 1, "duplicate": 1}


def test_what_still_fails_is_put_aside_again(shop: Shop, ask: Ask) -> None:
    put_aside(shop, "u-1")
    (before,) = shop.rows("quarantine")
    ask("/retry", {"batch_ids": [str(before["batch_id"])]})
    shop.drain()

    (after,) = shop.rows("quarantine")
    assert after["batch_id"] == before["batch_id"]
    assert after["accept_seq"] > before["accept_seq"]
    assert after["received_at"] == before["received_at"]
    assert outcomes(shop) == {"stored": 1, "poison": 2}


def test_discarded_batches_are_gone_and_counted_as_that(shop: Shop, ask: Ask) -> None:
    put_aside(shop, "u-1", "u-2")
    assert ask("/discard", {"input_id": shop.source.pk}) == (200, {"batches": 2, "events": 4, "is_more": False})
    mend(shop)
    shop.drain()

    assert outcomes(shop) == {"stored": 1, "discarded": 4}
    assert shop.rows("quarantine") == shop.rows("inbox") == []
    (entry,) = AuditEntry.objects.filter(action="discarded")
    assert entry.actor_name == "API credential reader"
    assert (entry.after or {})["quarantine"] == {
        "environment": "production",
        "input_id": shop.source.pk,
        "batches": 2,
        "events": 4,
        "is_more": False,
    }


def test_one_batch_goes_again_or_is_discarded_by_its_address(shop: Shop, ask: Ask) -> None:
    put_aside(shop, "u-1", "u-2")
    first, second = (str(row["batch_id"]) for row in shop.rows("quarantine"))
    mend(shop)

    assert ask(f"/{first}/retry", {})[1]["events"] == 2
    assert ask(f"/{second}/discard", {})[1]["events"] == 2
    assert [ask(f"/{each}/retry", {})[0] for each in (first, second)] == [404, 404]
    shop.drain()
    assert outcomes(shop) == {"stored": 3, "discarded": 2}


def test_a_call_is_bounded_and_says_that_more_is_left(shop: Shop, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    put_aside(shop, "u-1", "u-2", "u-3")
    monkeypatch.setattr(moving, "BATCHES_MOST", 2)

    assert ask("/retry", {"reason": "poison"}) == (200, {"batches": 2, "events": 4, "is_more": True})
    monkeypatch.setattr(moving, "BYTES_MOST", 1)
    assert ask("/discard", {"reason": "poison"}) == (200, {"batches": 1, "events": 2, "is_more": False})


@pytest.mark.parametrize(
    "body",
    [{}, {"reasons": "poison"}, {"reason": "nonsense"}, {"input_id": "x"}, {"batch_ids": []}, {"batch_ids": ["x"]}, []],
)
def test_a_body_that_does_not_say_what_is_meant_moves_nothing(shop: Shop, ask: Ask, body: object) -> None:
    put_aside(shop, "u-1")

    for action in ("/retry", "/discard"):
        assert ask(action, body)[0] == 400
    assert len(shop.rows("quarantine")) == 1


def test_viewers_and_strangers_change_nothing(shop: Shop, ask: Ask, client: Client) -> None:
    put_aside(shop, "u-1")
    ((row,),) = (shop.rows("quarantine"),)
    foreign = {"authorization": f"Bearer {token_of(factories.workspace(), Role.ADMIN)}"}
    own_address = f"/api/v1/workspaces/{shop.workspace.pk}/quarantine"
    for path, body in (("/retry", {"reason": "poison"}), (f"/{row['batch_id']}/discard", {})):
        assert ask(path, body, role=Role.VIEWER)[1]["code"] == "role_too_low"
        assert client.post(own_address + path, body, "application/json", headers=foreign).status_code == 404
    other = factories.workspace()
    mine = {"authorization": f"Bearer {token_of(other, Role.ADMIN)}"}
    theirs = f"/api/v1/workspaces/{other.pk}/quarantine"
    for path in (f"{theirs}/{row['batch_id']}/retry", f"{theirs}/{row['batch_id']}/discard"):
        assert client.post(path, {}, "application/json", headers=mine).status_code == 404
    assert client.get(f"{theirs}/{row['batch_id']}", headers=mine).status_code == 404
    everything = {"batch_ids": [str(row["batch_id"])]}
    moved = client.post(f"{theirs}/discard", everything, "application/json", headers=mine).json()
    assert moved == {"batches": 0, "events": 0, "is_more": False}

    assert len(shop.rows("quarantine")) == 1
    assert not AuditEntry.objects.filter(action__in=["retried", "discarded"]).exists()


def test_of_many_who_retry_at_once_each_batch_goes_once(shop: Shop) -> None:
    put_aside(shop, *(f"u-{number}" for number in range(20)))
    selection = Selection(shop.workspace.pk, Environment.PRODUCTION, reason="poison")
    sums: list[int] = []

    def retry(_: int) -> Moved:
        try:
            return actions.retry(Actor("test"), shop.workspace, selection)
        finally:
            connections.close_all()

    def add_up(_: int) -> None:
        sums.append(events_accounted_for(shop))
        connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        adding = pool.map(add_up, range(30))
        moved = list(pool.map(retry, range(4)))
        list(adding)
    mend(shop)
    shop.drain()

    assert sum(each.batches for each in moved) == 20
    assert set(sums) == {41}
    assert outcomes(shop) == {"stored": 41}
    assert len(shop.events()) == 41


def events_accounted_for(shop: Shop) -> int:
    """Waiting and counted ones, by one statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce((SELECT sum(event_count) FROM inbox WHERE workspace_id = %(workspace)s), 0) + "
            "(SELECT sum(count) FROM rollup_partial WHERE workspace_id = %(workspace)s AND metric = 'outcome')",
            {"workspace": shop.workspace.pk},
        )
        return int(cursor.fetchone()[0])


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("quarantine", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_lists_retries_and_discards(shop: Shop) -> None:
    put_aside(shop, "u-1", "u-2")
    (first, second) = (str(row["batch_id"]) for row in shop.rows("quarantine"))
    assert first in run("list", "--workspace", shop.workspace.slug)
    assert BAD not in run("list", "--workspace", shop.workspace.slug)
    mend(shop)

    said = run("retry", "--workspace", shop.workspace.slug, "--batch", first)
    assert said == "1 batch with 2 events goes again.\n"
    said = run("discard", "--workspace", shop.workspace.slug, "--reason", "poison")
    assert said == "1 batch with 2 events was discarded.\n"
    shop.drain()
    assert outcomes(shop) == {"stored": 3, "discarded": 2}
    assert AuditEntry.objects.filter(actor_name="manage.py quarantine").count() == 2
    assert second not in run("list", "--workspace", shop.workspace.slug)


@pytest.mark.parametrize(
    "arguments",
    [
        ("retry", "--workspace", "nobody", "--reason", "poison"),
        ("retry",),
        ("discard", "--batch", "x"),
        ("retry", "--reason", "nonsense"),
    ],
)
def test_the_command_says_what_it_needs(shop: Shop, arguments: tuple[str, ...]) -> None:
    own = () if "--workspace" in arguments else ("--workspace", shop.workspace.slug)
    with pytest.raises(CommandError):
        run(*arguments, *own)


MANY_BATCHES = """
INSERT INTO quarantine (bucket, batch_id, workspace_id, input_id, environment, protocol, is_historical, accept_seq,
                        received_at, event_count, encoding, body, reason, detail, quarantined_at)
SELECT n %% 16, md5(n::text)::uuid, %s, 1, 1, 'x', false, n, now(), 1, 0, '', 'poison', '', now()
FROM generate_series(1, 5000) n
"""


def test_given_batches_are_looked_up_and_not_searched_for(shop: Shop) -> None:
    selection = Selection(shop.workspace.pk, Environment.PRODUCTION, batch_ids=[uuid4()])
    with connection.cursor() as cursor:
        cursor.execute(MANY_BATCHES, [shop.workspace.pk])
        cursor.execute("ANALYZE quarantine")
        statement, parameters = moving._asking(selection)
        cursor.execute(f"EXPLAIN {statement}", parameters)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "quarantine_pkey" in plan
    assert "Seq Scan on quarantine" not in plan
    assert "quarantine_newest" not in plan
