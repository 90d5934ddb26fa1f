"""Who is found, made and kept apart, from outside."""

import threading
from concurrent.futures import ThreadPoolExecutor

from cdp_project.workspaces.models import Workspace
from events.processing.runner import Runner
from tests import factories
from tests.shop import Row, Shop, batch, custom_event


def people(shop: Shop) -> list[int]:
    """MPID of each event, in the order of acceptance."""
    return [event["mpid"] for event in shop.events()]


def test_a_customer_is_the_same_person_on_every_device(shop: Shop) -> None:
    shop.process(
        batch(custom_event(), customer="u-1", device="d-1"),
        batch(custom_event(), customer="u-1", device="d-2"),
    )

    assert len(set(people(shop))) == 1
    assert set(shop.profile()["devices"]) == {"d-1", "d-2"}


def test_an_anonymous_person_becomes_known_by_the_first_login(shop: Shop) -> None:
    shop.process(batch(custom_event(), device="d-1"))
    assert not shop.profile()["is_known"]
    shop.process(batch(custom_event(), customer="u-1", device="d-1"))

    first, second = people(shop)
    assert first == second
    assert shop.profile()["is_known"]


def test_a_known_person_is_not_returned_for_a_device_alone(shop: Shop) -> None:
    shop.process(batch(custom_event(), customer="u-1", device="d-1"))
    shop.process(batch(custom_event(), device="d-1"))
    shop.process(batch(custom_event(), device="d-1"))

    known, anonymous, again = people(shop)
    assert known != anonymous == again


def test_two_customers_on_one_device_stay_two(shop: Shop) -> None:
    shop.process(
        batch(custom_event(), customer="u-1", device="d-1"), batch(custom_event(), customer="u-2", device="d-1")
    )

    first, second = people(shop)
    assert first != second
    assert shop.profile_of(second)["identities"] == {"customer_id": "u-2"}


def test_the_next_login_takes_the_anonymous_person_of_the_device(shop: Shop) -> None:
    shop.process(batch(custom_event(), customer="u-1", device="d-1"))
    shop.process(batch(custom_event(), device="d-1"))
    shop.process(batch(custom_event(), customer="u-2", device="d-1"))

    first, anonymous, second = people(shop)
    assert first != anonymous == second


def test_an_email_finds_the_anonymous_person_who_has_it(shop: Shop) -> None:
    shop.process(
        batch(custom_event(), user_identities={"email": "ann@example.com"}),
        batch(custom_event(), user_identities={"email": "ann@example.com", "other": "x"}),
        batch(custom_event(), user_identities={"other": "x"}),
    )

    assert len(set(people(shop))) == 1
    assert shop.profile()["identities"] == {"email": "ann@example.com", "other": "x"}


def test_batches_that_name_nobody_are_different_people(shop: Shop) -> None:
    shop.process(batch(custom_event()), batch(custom_event()))

    assert len(set(people(shop))) == 2


def test_meaningless_ids_glue_nobody_together(shop: Shop) -> None:
    for value in ("null", "undefined", "0", "", " "):
        shop.post(batch(custom_event(), customer=value))
    shop.drain()

    assert len(set(people(shop))) == 5


def test_environments_never_touch(shop: Shop) -> None:
    shop.process(
        batch(custom_event(), customer="u-1"),
        batch(custom_event(), customer="u-1", environment="development"),
    )

    production, development = people(shop)
    assert production != development
    assert {row["environment"] for row in shop.profiles()} == {1, 2}


def other_shop(shop: Shop, *, scope_id: int | None) -> Shop:
    workspace = factories.workspace()
    Workspace.objects.filter(pk=workspace.pk).update(scope_id=scope_id)
    workspace.refresh_from_db()
    return Shop(factories.feed(workspace))


def test_workspaces_of_one_scope_share_people_but_not_profiles(shop: Shop) -> None:
    other = other_shop(shop, scope_id=shop.workspace.pk)
    shop.process(batch(custom_event(), customer="u-1", user_attributes={"a": 1}))
    other.process(batch(custom_event(), customer="u-1"))
    other.process(batch(custom_event(), mpid=people(shop)[0]))
    other.runner.close()

    assert {*people(shop), *people(other)} == {shop.profile()["mpid"]}
    assert other.profile()["attributes"] == {}
    assert other.profile()["is_known"]


def test_workspaces_of_different_scopes_share_nobody(shop: Shop) -> None:
    other = other_shop(shop, scope_id=None)
    shop.process(batch(custom_event(), customer="u-1"))
    other.process(batch(custom_event(), customer="u-1"))
    other.runner.close()

    assert people(shop) != people(other)


def test_people_are_numbered_without_doubles(shop: Shop) -> None:
    shop.process(*(batch(customer=f"u-{number}") for number in range(5)))
    shop.process(batch(customer="u-3"), batch(customer="new"))

    numbers = sorted(profile["person_no"] for profile in shop.profiles())
    assert numbers == [0, 1, 2, 3, 4, 5]


def test_64_parallel_first_events_of_one_device_make_one_person(shop: Shop) -> None:
    # Lanes go by the other identity, so that the batches race; the device is what they have in common.
    phone = {"android_uuid": "f924f1e5707b34b7"}
    post_and_race(
        shop,
        [batch(custom_event(), user_identities={"other": f"o-{number}"}, device_info=phone) for number in range(64)],
    )

    assert len(people(shop)) == 64
    assert len(set(people(shop))) == 1
    assert shop.profile()["mpid"] == people(shop)[0]
    assert shop.linked(people(shop)[0]).count("other") == 64


def test_parallel_logins_on_one_anonymous_device_keep_the_customers_apart(shop: Shop) -> None:
    shop.process(batch(custom_event(), device="d-1"))
    post_and_race(shop, [batch(custom_event(), customer=f"u-{number}", device="d-1") for number in range(32)])

    customers = [profile["identities"]["customer_id"] for profile in shop.profiles()]
    assert sorted(customers) == sorted(f"u-{number}" for number in range(32))
    assert len(shop.profiles()) == 32


def test_parallel_batches_of_one_unknown_mpid_make_one_profile(shop: Shop) -> None:
    sent = [batch(mpid=4711, customer=f"u-{number}", user_attributes={f"a{number}": 1}) for number in range(24)]
    post_and_race(shop, sent)

    assert len(shop.profile()["attributes"]) == 24
    assert len([row for row in shop.linked(4711) if row == "customer_id"]) == 1


def post_and_race(shop: Shop, sent: list[Row]) -> None:
    """Post all, then let four runners process what waits at once."""
    for one in sent:
        assert shop.post(one) == 202
    assert len({row["bucket"] for row in shop.rows("inbox")}) > 8
    runners = [Runner() for _ in range(4)]
    start = threading.Barrier(len(runners))

    def drain(runner: Runner) -> None:
        start.wait()
        runner.drain()
        runner.close()

    with ThreadPoolExecutor(len(runners)) as pool:
        list(pool.map(drain, runners))
    shop.drain()
    assert shop.waiting() == 0
