"""Verdicts and alerts of hours that are over become one row an hour, and say the same as before."""

from collections import Counter
from datetime import timedelta

from cdp_project.kernel import clock
from cdp_project.kernel.buckets import bucket_of_number
from connections import tasks
from connections.models import AlertHour, AlertPartial, VerdictHour, VerdictPartial
from tests.post import Post
from tests.shop import Shop, batch, custom_event
from tests.sink import Reply, Sink

LATER = timedelta(hours=4)


def alerts() -> Counter[tuple[int, str]]:
    found: Counter[tuple[int, str]] = Counter()
    for model in (AlertPartial, AlertHour):
        for level, code, count in model.objects.values_list("level", "code", "count"):
            found[level, code] += count
    return found


def test_what_is_counted_stays_when_it_is_compacted(shop: Shop, post: Post, sink: Sink) -> None:
    made = post.connect(sink)
    sink.script = lambda _received: Reply(status=400)
    shop.process(*(batch(custom_event(), custom_event(), customer=f"u-{number}") for number in range(6)))
    post.deliver()
    before, told = post.reasons(made), alerts()
    assert sum(post.sums(made).values()) == 12
    assert told

    with clock.frozen(clock.now() + LATER):
        tasks.compact_counts()
        tasks.compact_counts()
    assert (post.reasons(made), alerts()) == (before, told)
    assert not VerdictPartial.objects.exists()
    assert not AlertPartial.objects.exists()
    assert set(VerdictHour.objects.values_list("bucket", flat=True)) == {bucket_of_number(made.pk)}
    assert set(AlertHour.objects.values_list("bucket", flat=True)) == {bucket_of_number(made.output_id)}


def test_counting_goes_on_after_it(shop: Shop, post: Post, sink: Sink) -> None:
    made = post.connect(sink)
    shop.process(batch(custom_event(), customer="u-1"))
    with clock.frozen(clock.now() + LATER):
        tasks.compact_counts()
    assert post.sums(made) == {"waiting": 1}
    shop.process(batch(custom_event(), customer="u-2"))
    post.deliver()

    assert post.sums(made) == {"delivered": 2}
