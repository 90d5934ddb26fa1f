"""The unmodified mParticle client for Python: single, bulk and asynchronous uploads, and its error handling."""

from collections import Counter
from typing import Any

import mparticle
import pytest
from mparticle.rest import ApiException

from tests.product import Api, Credentials, Product, eventually

RUN = "python-run"
PURCHASE = "purchase"


def client(credentials: Credentials, secret: str | None = None) -> Any:
    configuration = mparticle.Configuration()
    configuration.api_key = credentials.server_key
    configuration.api_secret = secret or credentials.server_secret
    configuration.host = f"{credentials.base_url}/v2"
    configuration.api_client = mparticle.ApiClient(configuration=configuration)
    return mparticle.EventsApi(configuration)


def batch_of(person: str, *events: Any) -> Any:
    batch = mparticle.Batch()
    batch.environment = "production"
    batch.user_identities = mparticle.UserIdentities(customerid=f"{RUN}-{person}", email=f"{person}@example.com")
    batch.user_attributes = {"plan": "pro", "visits": 3, "vip": True, "tags": ["a", "b"], "gone": None}
    batch.device_info = mparticle.DeviceInformation(platform="iOS", device_manufacturer="Apple")
    batch.events = list(events)
    return batch


def opened(name: str = "Opened") -> Any:
    return mparticle.AppEvent(name, "navigation", custom_attributes={"colour": "blue"})


def bought() -> Any:
    product = mparticle.Product()
    product.id, product.name, product.price, product.quantity = "SKU-1", "Tent", 19.99, 2
    action = mparticle.ProductAction(PURCHASE)
    action.products, action.total_amount, action.transaction_id = [product], 42.5, "T-1"
    return mparticle.CommerceEvent(action)


def test_single_upload_is_stored_profiled_and_delivered(product: Product, credentials: Credentials, api: Api) -> None:
    at_the_sink_before = product.sink()["events"]

    client(credentials).upload_events(
        batch_of(
            "ann", opened(), mparticle.ScreenViewEvent(screen_name="Home"), bought(), mparticle.SessionStartEvent()
        )
    )

    events = eventually(lambda: api.events_of(f"{RUN}-ann"), lambda found: len(found) >= 4)
    assert Counter((event["event_type"], event["name"]) for event in events) == {
        ("custom_event", "Opened"): 1,
        ("screen_view", "Home"): 1,
        ("commerce_event", PURCHASE): 1,
        ("session_start", ""): 1,
    }
    profile = api.profile_of(f"{RUN}-ann")
    assert profile["attributes"] == {"plan": "pro", "visits": 3, "vip": True, "tags": ["a", "b"], "gone": None}
    assert profile["identities"] == {"customer_id": f"{RUN}-ann", "email": "ann@example.com"}
    eventually(lambda: product.sink()["events"] - at_the_sink_before, lambda arrived: arrived >= 4)
    assert product.sink()["events"] - at_the_sink_before == 4


def test_bulk_and_asynchronous_uploads_arrive(product: Product, credentials: Credentials, api: Api) -> None:
    at_the_sink_before = product.sink()["events"]
    answers: list[Any] = []
    events_api = client(credentials)

    events_api.bulk_upload_events([batch_of(f"bulk-{n}", opened(), opened("Closed")) for n in range(20)])
    threads = [events_api.upload_events(batch_of(f"async-{n}", opened()), callback=answers.append) for n in range(5)]
    for thread in threads:
        thread.join(20)

    assert len(answers) == 5
    for person, expected in [*((f"bulk-{n}", 2) for n in range(20)), *((f"async-{n}", 1) for n in range(5))]:
        events = eventually(lambda: api.events_of(f"{RUN}-{person}"), lambda found: len(found) >= expected)  # noqa: B023
        assert len(events) == expected
    eventually(lambda: product.sink()["events"] - at_the_sink_before, lambda arrived: arrived >= 45)
    assert product.sink()["events"] - at_the_sink_before == 45


def test_a_batch_without_events_updates_the_profile_only(product: Product, credentials: Credentials, api: Api) -> None:
    client(credentials).upload_events(batch_of("quiet"))

    profile = eventually(lambda: api.profile_of(f"{RUN}-quiet"), bool)
    assert profile["attributes"]["plan"] == "pro"
    assert api.events_of(f"{RUN}-quiet") == []


def test_a_repeated_request_is_stored_once(credentials: Credentials, api: Api) -> None:
    batch = batch_of("twice", opened())
    batch.source_request_id = f"{RUN}-once"

    client(credentials).upload_events(batch)
    client(credentials).upload_events(batch)
    client(credentials).upload_events(batch_of("twice", opened("Marker")))

    events = eventually(
        lambda: api.events_of(f"{RUN}-twice"), lambda found: any(event["name"] == "Marker" for event in found)
    )
    assert Counter(event["name"] for event in events) == {"Opened": 1, "Marker": 1}


def test_wrong_secret_and_empty_bulk_are_refused(credentials: Credentials, api: Api) -> None:
    with pytest.raises(ApiException) as wrong:
        client(credentials, secret="wrong").upload_events(batch_of("nobody", opened()))
    with pytest.raises(ApiException) as empty:
        client(credentials).bulk_upload_events([])

    assert wrong.value.status == 403
    assert empty.value.status == 400
    assert api.profile_of(f"{RUN}-nobody") == {}
