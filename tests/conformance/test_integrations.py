"""What every integration must be and do: a new file in `directory/integrations/` joins by existing."""

import importlib
import sys
from email.utils import format_datetime
from http import HTTPStatus

import pytest

from cdp_project.kernel import clock
from cdp_project.kernel.addresses import target_of
from cdp_project.kernel.exchange import fault_in
from directory.contracts import (
    Delivered,
    FieldType,
    Integration,
    Item,
    Kind,
    Limits,
    Rejected,
    RetryLater,
    Settings,
    Wants,
    completed,
    problems_of,
)
from directory.registry import INTEGRATIONS
from events.reasons import REASONS
from tests.samples import forwarded_item

KEYS = sorted(INTEGRATIONS)
VERDICTS = (Delivered, RetryLater, Rejected)


@pytest.fixture(params=KEYS)
def integration(request: pytest.FixtureRequest) -> Integration:
    return INTEGRATIONS[request.param]


@pytest.fixture
def sample(integration: Integration) -> Settings:
    return completed(integration.fields, integration.sample_settings)


@pytest.fixture
def item() -> Item:
    return forwarded_item()


def test_it_declares_itself(integration: Integration) -> None:
    assert integration.key.isidentifier()
    assert integration.key == integration.key.lower()
    for text in (integration.name, integration.summary):
        assert text.strip()
    assert integration.categories
    assert integration.kinds
    assert set(integration.kinds) <= set(Kind)
    assert integration.event_types is None or integration.event_types


def test_its_settings_are_declared_soundly(integration: Integration) -> None:
    names = [each.name for each in integration.fields]
    assert len(names) == len(set(names))
    for each in integration.fields:
        assert each.name.isidentifier()
        assert each.label.strip()
        assert (each.type is FieldType.CHOICE) == bool(each.choices)
        assert not (each.is_required and each.default is not None)
        assert each.default is None or not problems_of((each,), {each.name: each.default})
        assert not (each.is_secret and each.default is not None)


def test_its_sample_can_be_used(integration: Integration, sample: Settings) -> None:
    assert problems_of(integration.fields, integration.sample_settings) == []
    assert integration.problems(sample) == []


def test_settings_that_it_does_not_know_are_refused(integration: Integration) -> None:
    (problem,) = problems_of(integration.fields, {**integration.sample_settings, "no_such_setting": 1})
    assert problem.field == "no_such_setting"


def test_each_required_setting_is_missed(integration: Integration) -> None:
    for each in integration.fields:
        if each.is_required:
            values = {name: value for name, value in integration.sample_settings.items() if name != each.name}
            assert [problem.field for problem in problems_of(integration.fields, values)] == [each.name]


def test_it_says_what_it_wants_and_can_bear_without_seeing_secrets(integration: Integration, sample: Settings) -> None:
    secrets = {each.name for each in integration.fields if each.is_secret}
    open_settings = completed(
        integration.fields, {name: value for name, value in sample.items() if name not in secrets}
    )
    assert isinstance(integration.wants(open_settings), Wants)
    limits = integration.limits(open_settings)
    assert isinstance(limits, Limits)
    assert limits.events_per_request >= 1
    assert limits.concurrent_requests >= 1


def test_it_builds_a_request_that_can_be_sent(integration: Integration, sample: Settings, item: Item) -> None:
    request = integration.build(item, sample)
    assert fault_in(request) == ""
    assert target_of(request.url).scheme == "https"
    assert integration.build(item, sample) == request


def test_no_secret_is_shown(integration: Integration, sample: Settings, item: Item) -> None:
    secrets = {str(sample[each.name]) for each in integration.fields if each.is_secret and sample[each.name]}
    shown = repr(integration) + str(integration) + repr(integration.limits(sample)) + repr(integration.wants(sample))
    request = integration.build(item, sample)
    shown += request.url + request.body.decode("utf-8", "replace")
    assert not [secret for secret in secrets if secret in shown]


@pytest.mark.parametrize("status", range(200, 600))
def test_it_judges_every_status(integration: Integration, status: int) -> None:
    assert isinstance(integration.judge(status, {}, b""), VERDICTS)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_success_is_success(integration: Integration, status: int) -> None:
    assert integration.judge(status, {}, b"") == Delivered()


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_passes_is_tried_again(integration: Integration, status: int) -> None:
    assert isinstance(integration.judge(status, {}, b""), RetryLater)


@pytest.mark.parametrize(
    "body", [b"", b"null", b"{", b"[]", b'{"errors": 1}', b"\xff\xfe", b"<html>", b"\x00" * 100, b"[" * 60_000]
)
def test_a_strange_body_is_judged_too(integration: Integration, body: bytes) -> None:
    for status in (200, 400, 500):
        assert isinstance(integration.judge(status, {"content-type": "application/json"}, body), VERDICTS)


@pytest.mark.parametrize(
    ("retry_after", "expected_s"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("99999999999999999999999", 24 * 3600.0),
        ("-5", None),
        ("soon", None),
        ("1.5", None),
        ("", None),
        ("٣", None),
        ("Mon, 23 Nov 2026 10:00:30 GMT", 30.0),
        ("Mon, 23 Nov 2026 09:00:00 GMT", 0.0),
        ("Mon, 23 Nov 2099 10:00:00 GMT", 24 * 3600.0),
        ("Mon, 99 Nov 2026 10:00:30 GMT", None),
    ],
)
def test_retry_after_is_read_within_reason(
    integration: Integration, retry_after: str, expected_s: float | None
) -> None:
    headers = {"retry-after": retry_after, "date": "Mon, 23 Nov 2026 10:00:00 GMT"}
    verdict = integration.judge(429, headers, b"")
    assert isinstance(verdict, RetryLater)
    assert verdict.after_s == expected_s


def test_a_date_without_the_partners_own_clock_is_not_believed(integration: Integration) -> None:
    verdict = integration.judge(503, {"retry-after": format_datetime(clock.now(), usegmt=True)}, b"")
    assert isinstance(verdict, RetryLater)
    assert verdict.after_s is None


def test_reasons_are_short_codes(integration: Integration) -> None:
    for status in HTTPStatus:
        verdict = integration.judge(status, {}, b"")
        if not isinstance(verdict, Delivered):
            assert verdict.reason.replace("_", "").isalnum()
            assert len(verdict.reason) <= 50
            assert verdict.reason not in REASONS


@pytest.mark.parametrize("key", KEYS)
def test_it_is_pure(key: str) -> None:
    module = importlib.import_module(type(INTEGRATIONS[key]).__module__)
    names = {
        value.__name__ if isinstance(value, type(sys)) else getattr(value, "__module__", "") or ""
        for value in vars(module).values()
    }
    frameworks = ("django", "rest_framework", "psycopg", "celery", "channels", "directory.integrations.")
    assert not [name for name in names if name.startswith(frameworks) and name != module.__name__]
