"""The admin site of Tributary: Django's admin as the console, with own pages beside the admin's."""

from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, URLResolver, path

from cdp_project.console import navigation
from cdp_project.console.addresses import outside
from cdp_project.console.pages.chores import list_chores
from cdp_project.console.pages.live import live
from cdp_project.workspaces import guessing
from cdp_project.workspaces.seat import seat_of

TOO_MANY_FAILURES = "Too many wrong passwords: wait a minute and try again."
# Schedules stand in settings; a page that changes them would be undone at the next start.
NOT_SHOWN = {"django_celery_beat"}


class ConsoleSite(AdminSite):
    """Inside a workspace for its members; outside of them for the operator of the installation."""

    site_title = "Tributary"
    site_header = "Tributary"
    index_title = "Console"
    # Membership decides, not Django's staff flag.
    login_form = AuthenticationForm
    enable_nav_sidebar = False

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        models = model_or_iterable if isinstance(model_or_iterable, list | tuple) else [model_or_iterable]
        shown = [model for model in models if model._meta.app_label not in NOT_SHOWN]
        super().register(shown, admin_class, **options)

    def has_permission(self, request: HttpRequest) -> bool:
        return request.user.is_active and (seat_of(request) is not None or request.user.is_superuser)

    def get_urls(self) -> list[Any]:
        own: list[URLPattern | URLResolver] = [
            path("live/", self.admin_view(live), name="live"),
            path("chores/", self.admin_view(list_chores), name="chores"),
        ]
        return [*own, *super().get_urls()]

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        context = super().each_context(request)
        seat = seat_of(request)
        if self.has_permission(request):
            context["menu"] = navigation.menu(self, request)
            context["workspaces"] = navigation.workspaces(request)
        if seat is not None:
            context |= {"seat": seat, "environments": navigation.environments(request, seat)}
        return context

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> Any:  # noqa: ARG002 - Django's
        # The menu takes its place.
        return []

    # Django's stubs promise its own pages; ours lead on.
    def index(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:  # type: ignore[override]  # noqa: ARG002
        return redirect(outside("home") if seat_of(request) is None else "admin:live")

    def app_index(self, *_args: Any, **_kwargs: Any) -> HttpResponse:  # type: ignore[override]
        return redirect("admin:index")

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """One page for all; whoever is signed in goes home. Guessing is braked before any password is hashed."""
        if request.user.is_authenticated:
            return redirect(outside("home"))
        if request.method != "POST":
            return super().login(request, extra_context)
        who = f"console {request.POST.get('username', '')}", str(request.META.get("REMOTE_ADDR", ""))
        if guessing.is_braked(*who):
            return _braked(request)
        answer = super().login(request, extra_context)
        if not request.user.is_authenticated:
            guessing.count_failure(*who)
        return answer


def _braked(request: HttpRequest) -> HttpResponse:
    answer = render(request, "console/refusal.html", {"sentence": TOO_MANY_FAILURES}, status=429)
    answer.headers["Retry-After"] = str(guessing.WINDOW_S)
    return answer
