"""The start is stopped by an admin class that could show one workspace's things to another."""

from django.contrib import admin
from django.core.checks import run_checks

from cdp_project.workspaces.checks import check_scoped_models
from cdp_project.workspaces.scoped_admin import ScopedAdmin
from connections.models import Connection
from events.models import Input


class Bare(admin.ModelAdmin):  # type: ignore[type-arg]
    """Forgot the scope."""


class Leaky(ScopedAdmin[Connection]):
    list_filter = ["input", "is_active"]


def found(model: type, admin_class: type) -> list[str | None]:
    site = admin.AdminSite(name="other")
    site.register(model, admin_class)
    return [message.id for message in check_scoped_models(site=site)]


def test_a_scoped_model_without_scoped_admin_is_found() -> None:
    assert found(Input, Bare) == ["workspaces.E001"]


def test_a_filter_by_relation_is_found() -> None:
    assert found(Connection, Leaky) == ["workspaces.E002"]


def test_the_console_has_neither() -> None:
    assert run_checks(tags=["admin"]) == []
