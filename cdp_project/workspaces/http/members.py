"""Members over HTTP (Bearer): who belongs to the workspace, with which role."""

from typing import Any

import django_filters
from django.db.models import QuerySet
from rest_framework import serializers

from cdp_project.workspaces import members
from cdp_project.workspaces.endpoint import Asked
from cdp_project.workspaces.filters import TextFilter
from cdp_project.workspaces.http.role_words import RoleField, RoleFilter, refuse_more
from cdp_project.workspaces.members import NotOnePerson, newcomer
from cdp_project.workspaces.models import Membership, Role
from cdp_project.workspaces.reading import Body
from cdp_project.workspaces.resources import ResourceView, changing, creating, deleting, listing, showing


class MemberSerializer(serializers.Serializer[Any]):
    """A person's role in the workspace."""

    id = serializers.IntegerField()
    username = serializers.CharField(source="user.username")
    email = serializers.CharField(source="user.email", help_text="Empty where it is not known.")
    role = RoleField()
    created_at = serializers.DateTimeField()


class NewMemberBody(Body):
    """Somebody who can sign in already, by one of both names; the operator adds new users."""

    username = serializers.CharField(max_length=150, required=False)
    email = serializers.EmailField(max_length=254, required=False)
    role = RoleField()

    def validate(self, attrs: Any) -> Any:
        """One name, not two that may mean different people."""
        if ("username" in attrs) == ("email" in attrs):
            raise serializers.ValidationError("Name the person by username or by email, one of them.")
        return attrs


class MemberBody(Body):
    """What of a membership can be changed."""

    role = RoleField()


class MemberFilters(django_filters.FilterSet):  # type: ignore[misc]
    """All that are given have to fit."""

    role = RoleFilter()
    username = TextFilter("user__username")


class _Members(ResourceView):
    def rows(self, asked: Asked, **_path: str) -> QuerySet[Membership]:
        return Membership.objects.filter(workspace=asked.workspace).select_related("user")

    def lock_first(self, asked: Asked) -> None:
        members.lock(asked.workspace.pk)


class MembersView(_Members):
    """The members of a workspace."""

    @listing("listMembers", MemberSerializer, MemberFilters, role=Role.ADMIN)
    def get(self, asked: Asked) -> QuerySet[Membership]:
        """People with a role in the workspace."""
        return self.rows(asked)

    @creating("addMember", MemberSerializer, NewMemberBody, role=Role.ADMIN)
    def post(self, asked: Asked) -> Membership:
        """Let somebody in who can sign in already."""
        role = asked.data["role"]
        refuse_more(asked, role)
        name = next(each for each in ("username", "email") if each in asked.data)
        try:
            person = newcomer(asked.workspace, **{name: asked.data[name]})
        except NotOnePerson as error:
            raise serializers.ValidationError({name: [str(error)]}) from None
        made = Membership(workspace=asked.workspace, user=person, role=role)
        members.save(asked.actor, made)
        return made


class MemberView(_Members):
    """One member."""

    @showing("readMember", MemberSerializer, role=Role.ADMIN)
    def get(self, asked: Asked, row: Membership) -> Membership:  # noqa: ARG002 - as every handler
        """One member."""
        return row

    @changing("changeMember", MemberSerializer, MemberBody, role=Role.ADMIN)
    def patch(self, asked: Asked, row: Membership) -> Membership:
        """Give a member another role. The last admin keeps theirs (409)."""
        row.role = asked.data.get("role", row.role)
        refuse_more(asked, Role(row.role))
        members.save(asked.actor, row)
        return row

    @deleting("removeMember", MemberSerializer, role=Role.ADMIN)
    def delete(self, asked: Asked, row: Membership) -> None:
        """End a membership: the person's open pages close. The last admin stays (409)."""
        members.remove(asked.actor, row)
