"""Acceptance cases of the Events API that the pipeline decides (reference 4, EV)."""

from datetime import timedelta

from cdp_project.kernel import clock
from cdp_project.workspaces import configuration
from datamaster.names import NAMES_MOST
from events.processing.runner import Runner
from tests.shop import Row, Shop, batch, custom_event

HISTORY = "v2/bulkevents/historical"


def aged(hours: float) -> int:
    return clock.milliseconds(clock.now() - timedelta(hours=hours))


def history(*events: Row) -> list[Row]:
    return [batch(*events, customer="u-1", user_attributes={"plan": "gold"})]


def test_ev11_a_repeated_request_id_is_stored_once(shop: Shop) -> None:
    sent = batch(custom_event(), customer="u-1", source_request_id="r-1")
    shop.process(sent)
    shop.process(sent, sent)

    assert len(shop.events()) == 1
    assert len(shop.rows("batch")) == 1
    assert shop.outcomes() == {"stored": 1, "duplicate": 2}
    assert shop.counts("conflict") == {}


def test_what_was_tried_in_development_is_no_repeat_in_production(shop: Shop) -> None:
    sent = batch(custom_event(source_message_id="m-1"), customer="u-1", source_request_id="r-1")
    shop.process(sent | {"environment": "development"}, sent, sent)

    assert sorted(event["environment"] for event in shop.events()) == [1, 2]
    assert shop.outcomes() == {"stored": 2, "duplicate": 1}


def test_a_feed_that_is_renamed_makes_no_event_another(shop: Shop) -> None:
    shop.process(batch(custom_event(source_message_id="m-1"), customer="u-1"))
    shop.source.name = "Backend"
    shop.source.save()
    configuration.changed(shop.workspace)
    shop.runner.close()
    shop.runner = Runner()
    shop.process(batch(custom_event(source_message_id="m-1"), custom_event(), customer="u-1"))

    feeds = [event["data"]["custom_attributes"]["mParticle Source Feed"] for event in shop.events()]
    assert feeds == ["Server", "Backend"]
    assert shop.outcomes() == {"stored": 2, "duplicate": 1}
    assert shop.counts("conflict") == {}


def test_the_name_of_the_feed_takes_no_place_among_an_events_attributes(shop: Shop) -> None:
    given = {f"a{number:03}": number for number in range(100)}
    shop.process(batch(custom_event(custom_attributes=given), customer="u-1"))

    assert shop.events()[0]["data"]["custom_attributes"] == given | {"mParticle Source Feed": "Server"}
    assert shop.rows("batch")[0]["violations"] is None


def test_history_counts_as_seen_when_it_happened(shop: Shop) -> None:
    oldest, newest = clock.from_milliseconds(aged(200)), clock.from_milliseconds(aged(80))
    then = [custom_event(timestamp_unixtime_ms=clock.milliseconds(each)) for each in (newest, oldest)]
    shop.post(history(*then), HISTORY)
    shop.drain()
    assert (shop.profile()["first_seen_at"], shop.profile()["last_seen_at"]) == (oldest, newest)

    shop.process(batch(custom_event(), customer="u-1"))
    assert shop.profile()["first_seen_at"] == oldest
    assert shop.profile()["last_seen_at"] == shop.events()[-1]["received_at"]


def test_ev13_an_event_of_71_hours_is_not_history(shop: Shop) -> None:
    shop.post(history(custom_event(timestamp_unixtime_ms=aged(71))), HISTORY)
    shop.drain()

    assert shop.events() == shop.profiles() == []
    assert shop.outcomes() == {"not_historical": 1}


def test_ev13_an_event_of_73_hours_updates_profile_and_activity(shop: Shop) -> None:
    shop.post(history(custom_event(timestamp_unixtime_ms=aged(73))), HISTORY)
    shop.drain()

    assert shop.profile()["attributes"] == {"plan": "gold"}
    assert [event["name"] for event in shop.events()] == ["Viewed"]
    assert shop.rows("batch")[0]["is_historical"]


def test_ev14_history_needs_events_with_times(shop: Shop) -> None:
    shop.post(history(), HISTORY)
    shop.post(history(custom_event()), HISTORY)
    shop.post(history(custom_event(timestamp_unixtime_ms=aged(73)), custom_event()), HISTORY)
    shop.drain()

    assert shop.events() == shop.profiles() == []
    assert shop.outcomes() == {"not_historical": 3}
    assert shop.waiting() == 0


def test_ev16_the_1001st_name_is_dropped_and_earlier_names_go_on(shop: Shop) -> None:
    names = [f"event {number}" for number in range(NAMES_MOST)]
    for start in range(0, NAMES_MOST, 100):
        shop.post(batch(*map(custom_event, names[start : start + 100]), customer="u-1"))
    shop.process(batch(custom_event("one too many"), custom_event("event 7"), customer="u-1"))
    shop.process(batch({"event_type": "screen_view", "data": {"screen_name": "too many"}}, customer="u-1"))

    stored = [event["name"] for event in shop.events()]
    assert "one too many" not in stored
    assert stored.count("event 7") == 2
    assert shop.outcomes() == {"stored": NAMES_MOST + 1, "too_many_names": 2}
    assert len(shop.rows("catalogue_name")) == NAMES_MOST


def test_ev16_words_of_the_api_itself_are_not_counted(shop: Shop) -> None:
    purchase = {"event_type": "commerce_event", "data": {"product_action": {"action": "purchase"}}}
    shop.process(batch(purchase, {"event_type": "session_start", "data": {}}, customer="u-1"))

    assert len(shop.events()) == 2
    assert shop.rows("catalogue_name") == []


def test_ev17_an_mpid_decides_alone(shop: Shop) -> None:
    shop.process(batch(custom_event("First"), customer="u-1"))
    known = shop.profile()["mpid"]
    shop.process(batch(custom_event("Second"), customer="somebody else", mpid=known))

    assert {event["mpid"] for event in shop.events()} == {known}
    assert len(shop.profiles()) == 1
    # Mentioning another customer id does not hand it over.
    assert shop.profile()["identities"] == {"customer_id": "u-1"}


def test_ev17_an_unknown_mpid_makes_a_profile_of_client_origin(shop: Shop) -> None:
    shop.process(batch(custom_event(), mpid=-(2**62), user_attributes={"a": 1}))

    profile = shop.profile()
    assert (profile["mpid"], profile["origin"], profile["attributes"]) == (-(2**62), 2, {"a": 1})
    assert shop.events()[0]["mpid"] == -(2**62)
    assert shop.counts("client_mpid") == {"": 1}


def test_ev19_null_is_a_tag_and_a_list_stays_a_list(shop: Shop) -> None:
    shop.process(batch(customer="u-1", user_attributes={"tag": None, "sizes": ["s", "m"], "age": 30}))

    assert shop.profile()["attributes"] == {"tag": None, "sizes": ["s", "m"], "age": 30}
    assert shop.outcomes() == {}


def test_ev20_a_deleted_attribute_is_gone(shop: Shop) -> None:
    shop.process(batch(customer="u-1", user_attributes={"a": 1, "b": 2}))
    shop.process(batch(customer="u-1", deleted_user_attributes=["a", "never set"]))

    assert shop.profile()["attributes"] == {"b": 2}


def test_ev22_first_runs_count_as_installs(shop: Shop) -> None:
    def transition(**data: object) -> Row:
        return {"event_type": "application_state_transition", "data": data}

    shop.process(
        batch(
            transition(application_transition_type="application_initialized", is_first_run=True),
            transition(application_transition_type="application_initialized", is_first_run=False),
            transition(application_transition_type="application_exit", is_first_run=True),
            {"event_type": "first_run", "data": {}},
            device="d-1",
        )
    )

    assert shop.counts("install") == {"": 2}


def test_ev26_events_of_a_feed_carry_its_name(shop: Shop) -> None:
    shop.process(batch(custom_event(custom_attributes={"code": "SPRING"}), customer="u-1"))

    assert shop.events()[0]["data"]["custom_attributes"] == {"code": "SPRING", "mParticle Source Feed": "Server"}


def test_ev26_events_of_a_platform_do_not(app: Shop) -> None:
    app.process(batch(custom_event(), customer="u-1"))

    assert "custom_attributes" not in app.events()[0]["data"]
