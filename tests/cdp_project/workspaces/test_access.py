"""Gates: who gets which workspace, and what the others are told."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest

from cdp_project.kernel import clock
from cdp_project.kernel.errors import Refusal
from cdp_project.workspaces import credentials, tokens
from cdp_project.workspaces.access import access_object, access_workspace
from cdp_project.workspaces.audit import Actor
from cdp_project.workspaces.models import ApiCredential, Role, Workspace
from events.models import Input
from tests import factories

pytestmark = pytest.mark.django_db


def by(user: object = None, credential: ApiCredential | None = None) -> HttpRequest:
    request = HttpRequest()
    request.user = user or AnonymousUser()  # type: ignore[assignment]
    if credential is not None:
        request.auth = credential  # type: ignore[attr-defined]
    return request


def credential_of(workspace: Workspace, role: Role) -> ApiCredential:
    credential = ApiCredential(workspace=workspace, name="Script", role=role)
    credentials.issue(Actor("test"), credential)
    return credential


def test_a_member_gets_the_workspace_by_id_and_by_slug(workspace: Workspace) -> None:
    request = by(factories.member(workspace, Role.VIEWER))
    assert access_workspace(request, workspace.pk, Role.VIEWER) == workspace
    assert access_workspace(request, str(workspace.pk), Role.VIEWER) == workspace
    assert access_workspace(request, workspace.slug, Role.VIEWER) == workspace


@pytest.mark.parametrize("name", ["", "nope", "0", "-1", "99999999999999999999", "\u0661", "1\x00"])
def test_what_does_not_exist_is_404(workspace: Workspace, name: str) -> None:
    with pytest.raises(Refusal) as refused:
        access_workspace(by(factories.member(workspace)), name, Role.VIEWER)
    assert refused.value.status_code == 404


def test_a_foreign_workspace_is_told_from_a_missing_one_by_nothing(workspace: Workspace) -> None:
    foreign = factories.workspace(name="Secret plans")
    member = factories.member(workspace)
    answers = []
    for name in (foreign.pk, foreign.slug, "nope"):
        with pytest.raises(Refusal) as refused:
            access_workspace(by(member), name, Role.VIEWER)
        answers.append((refused.value.status_code, str(refused.value.detail)))
    assert len(set(answers)) == 1
    assert answers[0][0] == 404


def test_the_operator_of_the_installation_is_no_member_by_that(workspace: Workspace) -> None:
    operator = factories.member(factories.workspace(), operator=True)
    with pytest.raises(Refusal) as refused:
        access_workspace(by(operator), workspace.pk, Role.VIEWER)
    assert refused.value.status_code == 404


def test_a_role_that_is_too_low_is_403_and_named(workspace: Workspace) -> None:
    with pytest.raises(Refusal) as refused:
        access_workspace(by(factories.member(workspace, Role.ANALYST)), workspace.pk, Role.EDITOR)
    assert refused.value.status_code == 403
    assert "Editor" in str(refused.value.detail)
    assert "Analyst" in str(refused.value.detail)


def test_nobody_signed_in_and_somebody_blocked_get_nothing(workspace: Workspace) -> None:
    blocked = factories.member(workspace)
    blocked.is_active = False
    for request in (by(), by(blocked)):
        with pytest.raises(Refusal):
            access_workspace(request, workspace.pk, Role.VIEWER)


def test_a_credential_opens_its_own_workspace_alone(workspace: Workspace) -> None:
    request = by(credential=credential_of(workspace, Role.EDITOR))
    assert access_workspace(request, workspace.slug, Role.EDITOR) == workspace
    for foreign, role, status in (
        (factories.workspace().pk, Role.VIEWER, 404),
        (workspace.pk, Role.ADMIN, 403),
    ):
        with pytest.raises(Refusal) as refused:
            access_workspace(request, foreign, role)
        assert refused.value.status_code == status


def test_objects_of_others_and_of_nobody_are_404(workspace: Workspace) -> None:
    request = by(factories.member(workspace))
    mine, foreign = factories.feed(workspace), factories.feed(factories.workspace())
    assert access_object(request, workspace.pk, Input, mine.pk, Role.VIEWER) == mine
    for number in (foreign.pk, foreign.pk + 1000, "x", str(2**70)):
        with pytest.raises(Refusal) as refused:
            access_object(request, workspace.pk, Input, number, Role.VIEWER)
        assert refused.value.status_code == 404


def test_a_revoked_credential_has_no_tokens(workspace: Workspace) -> None:
    credential = credential_of(workspace, Role.EDITOR)
    token = tokens.issue(credential, clock.now())
    held = tokens.held_by(token, clock.now())
    assert held is not None
    assert held.credential == credential
    credentials.revoke(Actor("test"), credential, clock.now())
    assert tokens.held_by(token, clock.now()) is None
    assert credential.tokens.count() == 0
