"""Memberships: a workspace always keeps an admin."""

import pytest

from cdp_project.kernel.errors import Refusal
from cdp_project.workspaces import members
from cdp_project.workspaces.audit import Actor
from cdp_project.workspaces.models import AuditEntry, Membership, Role, Workspace
from tests import factories

ACTOR = Actor("ann")


def test_the_last_admin_can_neither_go_nor_step_down(workspace: Workspace) -> None:
    factories.member(workspace, Role.EDITOR)
    factories.member(workspace, Role.ADMIN)
    admin = Membership.objects.get(workspace=workspace, role=Role.ADMIN)
    with pytest.raises(Refusal):
        members.remove(ACTOR, admin)
    admin.role = Role.VIEWER
    with pytest.raises(Refusal):
        members.save(ACTOR, admin)
    admin.refresh_from_db()
    assert admin.role == Role.ADMIN
    assert AuditEntry.objects.count() == 0


def test_with_a_second_admin_the_first_can_go(workspace: Workspace) -> None:
    factories.member(workspace, Role.ADMIN)
    factories.member(workspace, Role.ADMIN)
    members.remove(ACTOR, Membership.objects.filter(workspace=workspace)[0])
    assert Membership.objects.filter(workspace=workspace).count() == 1
    assert AuditEntry.objects.get().action == "deleted"


def test_others_come_and_go_freely(workspace: Workspace) -> None:
    factories.member(workspace, Role.ADMIN)
    newcomer = factories.member(factories.workspace())
    membership = Membership(workspace=workspace, user_id=newcomer.pk, role=Role.VIEWER)
    members.save(ACTOR, membership)
    members.remove(ACTOR, membership)
    assert Membership.objects.filter(workspace=workspace).count() == 1


def test_somebody_who_cannot_sign_in_is_no_admin_left(workspace: Workspace) -> None:
    blocked = factories.member(workspace, Role.ADMIN)
    blocked.is_active = False
    blocked.save()
    factories.member(workspace, Role.ADMIN)
    admin = Membership.objects.exclude(user=blocked).get(workspace=workspace)
    with pytest.raises(Refusal):
        members.remove(ACTOR, admin)
    members.remove(ACTOR, Membership.objects.get(user=blocked))
    assert list(Membership.objects.filter(workspace=workspace)) == [admin]
