"""The audit log: who, before and after, with secrets masked, in the transaction of the change."""

import pytest
from django.db import transaction

from cdp_project.kernel import secretbox
from cdp_project.workspaces import audit, credentials
from cdp_project.workspaces.audit import Actor
from cdp_project.workspaces.models import AccessToken, ApiCredential, AuditEntry, Role, Workspace
from connections.models import Output
from connections.outputs import save_settings
from events.intake.issuing import end, issue
from events.models import Input, InputKey
from tests import factories

ACTOR = Actor("ann")
SECRET = "whsec_c2FtcGxlLXNpZ25pbmctc2VjcmV0LTMyLWJ5dGVzIQ=="

pytestmark = pytest.mark.django_db


def last() -> AuditEntry:
    return AuditEntry.objects.order_by("pk").reverse()[0]


def version(workspace: Workspace) -> int:
    workspace.refresh_from_db()
    return workspace.config_version


def test_what_was_changed_is_there_before_and_after(workspace: Workspace, feed: Input) -> None:
    was = version(workspace)
    with audit.changing(ACTOR, feed):
        feed.name = "Orders"
        feed.save()
    entry = last()
    assert (entry.actor_name, entry.action, entry.kind, entry.object_name) == ("ann", "changed", "input", "Orders")
    assert (entry.before, entry.after) == ({"name": "Server"}, {"name": "Orders"})
    assert version(workspace) == was + 1


def test_no_difference_leaves_no_entry(workspace: Workspace, feed: Input) -> None:
    was = version(workspace)
    with audit.changing(ACTOR, feed):
        feed.save()
    assert AuditEntry.objects.count() == 0
    assert version(workspace) == was


def test_made_and_deleted_things_are_told_whole(workspace: Workspace) -> None:
    made = Input(workspace=workspace, kind="feed", name="Orders")
    with audit.changing(ACTOR, made):
        made.save()
    assert last().before is None
    assert last().after["kind"] == "Feed"  # type: ignore[index]
    audit.delete(ACTOR, made)
    assert last().action == "deleted"
    assert last().after is None
    assert not Input.objects.exists()


def test_what_falls_with_it_is_told_too(workspace: Workspace, feed: Input) -> None:
    issue(ACTOR, feed)
    factories.connection(feed, factories.output(workspace, url="https://hooks.example.com/"))
    audit.delete(ACTOR, feed)
    deleted = AuditEntry.objects.filter(action="deleted")
    assert sorted(deleted.values_list("kind", flat=True)) == ["connection", "input", "input key"]


def test_a_change_that_fails_leaves_nothing(workspace: Workspace, feed: Input) -> None:
    with pytest.raises(ValueError, match="too late"):
        _rename_too_late(feed)
    feed.refresh_from_db()
    assert feed.name == "Server"
    assert AuditEntry.objects.count() == 0


def _rename_too_late(feed: Input) -> None:
    with audit.changing(ACTOR, feed):
        feed.name = "Orders"
        feed.save()
        raise ValueError("too late")


def test_secrets_are_masked_and_only_said_to_be_new(workspace: Workspace) -> None:
    output = Output(workspace=workspace, integration="webhook", name="Hook")
    with audit.changing(ACTOR, output):
        save_settings(output, {"url": "https://hooks.example.com/", "signing_secret": SECRET})
    assert last().after["secrets_encrypted"] == "[hidden]"  # type: ignore[index]
    with audit.changing(ACTOR, output):
        save_settings(output, {"url": "https://hooks.example.com/2"})
    assert set(last().after or {}) == {"settings"}
    with audit.changing(ACTOR, output):
        save_settings(output, {"url": "https://hooks.example.com/2", "authorization": "Bearer hush"})
    assert last().after == {"secrets_encrypted": "[hidden, new]"}
    told = str(list(AuditEntry.objects.values()))
    assert SECRET not in told
    assert "hush" not in told


def test_keys_and_credentials_are_told_without_their_secrets(workspace: Workspace, feed: Input) -> None:
    issued = issue(ACTOR, feed)
    assert last().action == "key issued"
    end(ACTOR, InputKey.objects.get())
    assert last().kind == "input key"
    credential = ApiCredential(workspace=workspace, name="Script", role=Role.ADMIN)
    secret = credentials.issue(ACTOR, credential)
    told = str(list(AuditEntry.objects.values()))
    assert issued.key in told
    for hidden in (issued.secret, secret, secretbox.fingerprint(secret).hex(), str(secretbox.fingerprint(secret))):
        assert hidden not in told


def test_tokens_are_no_configuration(workspace: Workspace) -> None:
    credential = ApiCredential(workspace=workspace, name="Script", role=Role.ADMIN)
    credentials.issue(ACTOR, credential)
    AccessToken.objects.create(
        credential=credential, digest=b"x", created_at=credential.created_at, expires_at=credential.created_at
    )
    audit.delete(ACTOR, credential)
    assert last().kind == "API credential"
    assert not AccessToken.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_hot_loops_are_told_after_the_commit_only(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr("cdp_project.workspaces.configuration.waker.hint", told.append)
    feed = factories.feed(factories.workspace())
    with transaction.atomic():
        with audit.changing(ACTOR, feed):
            feed.name = "Orders"
            feed.save()
        assert told == []
    assert set(told) == {"pipeline", "deliveries"}
