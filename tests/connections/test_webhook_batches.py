"""From the upload to the webhook: who the person is and since when, and what they changed in their consent."""

from datetime import timedelta
from typing import Any

from standardwebhooks.webhooks import Webhook as Verifier

from cdp_project.kernel import clock
from tests.post import Post
from tests.shop import Row, Shop, batch, custom_event
from tests.sink import Sink

MINUTE = timedelta(minutes=1)


def consent(*, given: bool) -> Row:
    return {"gdpr": {"ads": {"consented": given, "timestamp_unixtime_ms": 1_795_428_000_000}}}


def bodies(sink: Sink) -> list[dict[str, Any]]:
    return [request.json for request in sink.requests]


def test_changes_of_consent_are_told_with_what_was_before(shop: Shop, post: Post, sink: Sink) -> None:
    post.connect(sink, send="batch", send_batches_without_events=True)
    shop.process(
        batch(custom_event(), customer="u-1", consent_state=consent(given=True)),
        batch(custom_event(), customer="u-1", consent_state=consent(given=True)),
        batch(customer="u-1", consent_state=consent(given=False)),
        batch(custom_event(), customer="u-1"),
    )
    post.deliver()

    told = [body["system_notifications"] for body in bodies(sink)]
    given, refused = (consent(given=each)["gdpr"]["ads"] for each in (True, False))
    first, second = (
        {"type": "gdpr_consent_state", "purpose": "ads", "old_gdpr_consent_state": old, "new_gdpr_consent_state": new}
        for old, new in ((None, given), (given, refused))
    )
    assert told == [[first], [], [second], []]
    assert bodies(sink)[-1]["consent_state"] == consent(given=False)


def test_each_identity_tells_since_when_the_person_has_it(shop: Shop, post: Post, sink: Sink) -> None:
    post.connect(sink, send="batch")
    begun = clock.now()
    for later, mail in ((0, "old@x"), (1, "old@x"), (2, "new@x"), (3, "new@x")):
        with clock.frozen(begun + later * MINUTE):
            shop.process(batch(custom_event(), customer="u-1", user_identities={"email": mail}))
    post.deliver()

    times = [
        {each["identity_type"]: each["timestamp_unixtime_ms"] for each in b["user_identities"]} for b in bodies(sink)
    ]
    since, changed = clock.milliseconds(begun), clock.milliseconds(begun + 2 * MINUTE)
    assert times == [{"customer_id": since, "email": at} for at in (since, since, changed, changed)]


def test_a_gathered_batch_is_signed_like_any_other(shop: Shop, post: Post, sink: Sink) -> None:
    secrets = {"signing_secret": "whsec_" + "c2VjcmV0" * 4, "old_signing_secret": "b2xkZXIh" * 4}
    post.connect(sink, send="batch", gather="ten_minutes", **secrets)
    with clock.frozen(clock.now() - 11 * MINUTE):
        shop.process(*(batch(custom_event(name), customer="u-1") for name in "ab"))
    assert post.gather() == 2
    post.deliver()

    (request,) = sink.requests
    for secret in secrets.values():
        body = Verifier(secret).verify(request.body, dict(request.headers))
        assert [event["data"]["event_name"] for event in body["events"]] == ["a", "b"]
        assert body["unique_id"] == request.headers["webhook-id"]
