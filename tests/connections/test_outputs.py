"""Settings of outputs: checked, kept apart from their secrets, never given back."""

import pytest
from pytest_django.fixtures import Settings

from cdp_project.kernel import secretbox
from cdp_project.workspaces.models import Workspace
from connections import configuration
from connections.models import Output
from connections.outputs import SettingsRefused, save_settings, secrets_of

URL = "https://hooks.example.com/in"
CANARY = "Bearer canary"
OLD_SECRET, NEW_SECRET = "c2VjcmV0" * 4, "b3RoZXJz" * 4


@pytest.fixture
def output(workspace: Workspace) -> Output:
    return Output(workspace=workspace, integration="webhook", name="Hook")


def test_secrets_are_kept_apart_and_encrypted(output: Output) -> None:
    save_settings(output, {"url": URL, "authorization": CANARY, "send": "event"})

    output.refresh_from_db()
    assert output.settings == {"url": URL, "send": "event"}
    assert "canary" not in output.secrets_encrypted
    assert secrets_of(output.secrets_encrypted) == {"authorization": CANARY}


def test_a_secret_that_is_left_empty_stays(output: Output) -> None:
    save_settings(output, {"url": URL, "authorization": CANARY, "signing_secret": OLD_SECRET})
    save_settings(output, {"url": URL, "authorization": "", "signing_secret": NEW_SECRET})
    assert secrets_of(output.secrets_encrypted) == {"authorization": CANARY, "signing_secret": NEW_SECRET}


def test_a_secret_goes_when_it_is_to_be_forgotten(output: Output) -> None:
    save_settings(output, {"url": URL, "authorization": CANARY})
    save_settings(output, {"url": URL}, forget=["authorization"])
    assert secrets_of(output.secrets_encrypted) == {}


def test_a_setting_that_is_left_out_takes_its_default_again(output: Output) -> None:
    save_settings(output, {"url": URL, "include_ip": True})
    save_settings(output, {"url": URL})
    assert output.settings == {"url": URL}


def test_it_counts_as_a_new_configuration(output: Output) -> None:
    before = output.workspace.config_version
    save_settings(output, {"url": URL})
    output.workspace.refresh_from_db()
    assert output.workspace.config_version > before


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({}, "url"),
        ({"url": ""}, "url"),
        ({"url": "ftp://example.com"}, "url"),
        ({"url": "http://0x7f.1/"}, "url"),
        ({"url": "http://user:secret@example.com/"}, "url"),
        ({"url": URL, "send": "sometimes"}, "send"),
        ({"url": URL, "include_ip": "yes"}, "include_ip"),
        ({"url": URL, "event_age_most_hours": "1"}, "event_age_most_hours"),
        ({"url": URL, "event_age_most_hours": -1}, "event_age_most_hours"),
        ({"url": URL, "event_age_most_hours": 0}, "event_age_most_hours"),
        ({"url": URL, "event_age_most_hours": 1e300}, "event_age_most_hours"),
        ({"url": URL, "event_age_most_hours": float("nan")}, "event_age_most_hours"),
        ({"url": URL, "signing_secret": "?"}, "signing_secret"),
        ({"url": URL, "authorization": "a\nb"}, "authorization"),
        ({"url": URL, "colour": "red"}, "colour"),
    ],
)
def test_what_cannot_be_used_is_refused_and_nothing_is_saved(
    output: Output, values: dict[str, object], field: str
) -> None:
    with pytest.raises(SettingsRefused) as refused:
        save_settings(output, values)
    assert [problem.field for problem in refused.value.problems] == [field]
    assert output.pk is None


PRIVATE = ["http://127.0.0.1:9/", "http://169.254.169.254/latest", "http://[::1]/", "http://[::ffff:10.0.0.1]/"]


@pytest.mark.parametrize("url", PRIVATE)
def test_a_private_address_is_refused_unless_it_was_opened(output: Output, url: str, settings: Settings) -> None:
    with pytest.raises(SettingsRefused, match="CDP_DELIVERY_ALLOW"):
        save_settings(output, {"url": url})
    assert not Output.objects.exists()
    settings.CDP_DELIVERY_ALLOW = ["127.0.0.0/8", "169.254.0.0/16", "::1/128", "10.0.0.0/8"]
    save_settings(output, {"url": url})


def test_an_address_that_was_opened_once_may_stay(output: Output, settings: Settings) -> None:
    settings.CDP_DELIVERY_ALLOW = ["10.0.0.0/8"]
    save_settings(output, {"url": "http://10.0.0.1/"})
    settings.CDP_DELIVERY_ALLOW = []
    output.is_active_in_production = False
    save_settings(output, {"url": "http://10.0.0.1/"})
    with pytest.raises(SettingsRefused):
        save_settings(output, {"url": "http://10.0.0.2/"})


def test_a_secret_that_was_good_enough_once_may_stay(output: Output) -> None:
    output.secrets_encrypted = secretbox.encrypt('{"signing_secret": "YQ=="}')
    output.save()

    save_settings(output, {"url": "https://hooks.example.com/other"})

    output.refresh_from_db()
    assert output.settings["url"] == "https://hooks.example.com/other"
    with pytest.raises(SettingsRefused):
        save_settings(output, {"url": "https://hooks.example.com/", "signing_secret": "Yg=="})


def test_the_bounds_of_a_number_are_told(output: Output) -> None:
    with pytest.raises(SettingsRefused, match="hours is a number, at least 1, at most 87600"):
        save_settings(output, {"url": URL, "event_age_most_hours": -1})
    save_settings(output, {"url": URL, "event_age_most_hours": 1})


def test_an_error_does_not_repeat_a_secret(output: Output) -> None:
    with pytest.raises(SettingsRefused) as refused:
        save_settings(output, {"url": URL, "signing_secret": "canary!", "authorization": "canary\n"})
    assert "canary" not in str(refused.value)


def test_configuration_for_sending_hides_its_secrets(transactional_db: None, workspace: Workspace) -> None:
    from cdp_project.kernel.database import connect

    save_settings(
        Output(workspace=workspace, integration="webhook", name="Hook"), {"url": URL, "authorization": CANARY}
    )
    with connect() as database:
        (config,) = configuration.outputs().get(database).by_id.values()
    assert config.settings is not None
    assert config.settings["authorization"] == CANARY
    assert "canary" not in repr(config)


def test_settings_whose_key_is_lost_are_told_and_not_fatal(transactional_db: None, workspace: Workspace) -> None:
    from cdp_project.kernel.database import connect

    output = Output(workspace=workspace, integration="webhook", name="Hook")
    save_settings(output, {"url": URL, "authorization": CANARY})
    Output.objects.update(secrets_encrypted="gAAAAABnot-ours")
    with connect() as database:
        assert configuration.outputs().get(database).by_id[output.pk].settings is None
