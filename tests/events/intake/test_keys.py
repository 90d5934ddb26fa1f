"""Keys of inputs: what is kept of them, and what the process knows of them and for how long."""

import threading
from datetime import timedelta
from types import SimpleNamespace

import psycopg
import pytest
from django.db import connections

from cdp_project.kernel import clock, secretbox
from events.intake import keys
from events.intake.issuing import issue_key
from events.intake.keys import KeyRing, secret_fits
from events.models import Input, InputKey
from tests import factories


@pytest.fixture
def ring(transactional_db: None) -> KeyRing:
    return KeyRing()


def test_a_key_comes_with_a_secret_that_is_not_kept_in_the_clear(feed: Input) -> None:
    issued = issue_key(feed, clock.now())

    kept = InputKey.objects.get(key=issued.key)
    assert secretbox.decrypt(kept.secret_encrypted) == issued.secret
    assert bytes(kept.secret_digest) == secretbox.fingerprint(issued.secret)
    assert issued.secret not in kept.secret_encrypted
    assert issue_key(feed, clock.now()) != issued


def test_the_ring_knows_whose_a_key_is(ring: KeyRing, feed: Input) -> None:
    issued = issue_key(feed, clock.now())
    holder = ring.find(issued.key)
    ring.forget()

    assert holder is not None
    assert (holder.input_id, holder.workspace_id, holder.is_feed) == (feed.pk, feed.workspace_id, True)
    assert secret_fits(holder, issued.secret)
    assert not secret_fits(holder, issued.secret + "x")


@pytest.mark.parametrize("key", ["", "nobody's", "x" * 65, "x" * 100_000, "ключ"])
def test_nobody_holds_an_unknown_key(ring: KeyRing, key: str) -> None:
    assert ring.find(key) is None
    assert not secret_fits(None, "anything")
    ring.forget()


def test_an_expired_key_is_not_valid(feed: Input, ring: KeyRing) -> None:
    now = clock.now()
    issued = issue_key(feed, now)
    InputKey.objects.filter(key=issued.key).update(expires_at=now + timedelta(hours=1))
    holder = ring.find(issued.key)
    ring.forget()

    assert holder is not None
    assert holder.is_valid(now)
    assert not holder.is_valid(now + timedelta(hours=1))


def test_what_was_looked_up_holds_for_two_seconds(ring: KeyRing, feed: Input, monkeypatch: pytest.MonkeyPatch) -> None:
    at = [1000.0]
    monkeypatch.setattr("events.intake.keys.time", SimpleNamespace(monotonic=lambda: at[0]))
    issued = issue_key(feed, clock.now())
    assert ring.find(issued.key) is not None
    assert ring.find("later") is None

    InputKey.objects.filter(key=issued.key).update(key="later")

    assert ring.find(issued.key) is not None
    assert ring.find("later") is None
    at[0] += 2.1
    assert ring.find(issued.key) is None
    assert ring.find("later") is not None
    ring.forget()


def test_a_flood_of_unknown_keys_takes_no_memory(ring: KeyRing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "REMEMBERED_MOST", 10)

    for number in range(50):
        ring.find(f"unknown-{number}")

    assert len(ring._known) <= 10
    ring.forget()


def test_a_key_that_cannot_exist_is_neither_looked_up_nor_remembered(
    ring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up: list[str] = []
    monkeypatch.setattr(ring, "_read", looked_up.append)

    for key in ("", "x" * 65, "x" * 100_000):
        assert ring.find(key) is None

    assert (looked_up, ring._known) == ([], {})


def test_a_flood_of_unknown_keys_leaves_the_known_ones(
    ring: KeyRing, feed: Input, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "REMEMBERED_MOST", 10)
    monkeypatch.setattr(keys, "REMEMBERED_AFTER_CLEARING", 8)
    monkeypatch.setattr("events.intake.keys.time", SimpleNamespace(monotonic=lambda: 1000.0))
    issued = issue_key(feed, clock.now())
    ring.find(issued.key)

    for number in range(50):
        ring.find(f"unknown-{number}")

    assert ring._known[issued.key][1] is not None
    ring.forget()


def test_more_known_keys_than_fit_push_out_the_oldest(
    ring: KeyRing, feed: Input, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "REMEMBERED_MOST", 4)
    monkeypatch.setattr(keys, "REMEMBERED_AFTER_CLEARING", 3)
    issued = [issue_key(feed, clock.now()).key for _ in range(5)]

    for key in issued:
        assert ring.find(key) is not None

    assert list(ring._known) == issued[1:]
    ring.forget()


def test_without_a_database_the_ring_says_so_and_recovers(
    ring: KeyRing, feed: Input, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued = issue_key(feed, clock.now())
    with monkeypatch.context() as away:
        away.setitem(connections["default"].settings_dict, "PORT", "1")
        with pytest.raises(psycopg.OperationalError):
            ring.find(issued.key)

    assert ring.find(issued.key) is not None
    ring.forget()


def test_a_look_up_that_hangs_holds_one_thread_not_all(
    ring: KeyRing, feed: Input, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "LOOK_UP_WAIT_S", 0.05)
    hanging, may_end = threading.Event(), threading.Event()

    def hang(_key: str) -> None:
        hanging.set()
        may_end.wait(20)

    monkeypatch.setattr(ring, "_read", hang)
    first = threading.Thread(target=ring.find, args=("first",))
    first.start()
    hanging.wait(20)

    with pytest.raises(psycopg.OperationalError, match="does not end"):
        ring.find("second")

    may_end.set()
    first.join(20)
    monkeypatch.undo()
    assert ring.find(issue_key(feed, clock.now()).key) is not None
    ring.forget()


def test_a_platform_is_no_feed(ring: KeyRing, feed: Input) -> None:
    issued = issue_key(factories.platform(feed.workspace, "ios"), clock.now())
    holder = ring.find(issued.key)
    ring.forget()

    assert holder is not None
    assert not holder.is_feed
