"""A program that talks to our own API: a token of a role, JSON in and out."""

from dataclasses import dataclass, field
from typing import Any

from django.test import Client

from cdp_project.kernel import clock
from cdp_project.workspaces import credentials, tokens
from cdp_project.workspaces.audit import Actor
from cdp_project.workspaces.models import ApiCredential, Role, Workspace


@dataclass
class ApiClient:
    """Calls below a workspace's address; paths that begin with a slash are whole."""

    workspace: Workspace
    role: Role = Role.ADMIN
    name: str = "script"
    credential: ApiCredential = field(init=False)
    token: str = field(init=False)

    def __post_init__(self) -> None:
        self.credential = ApiCredential(workspace=self.workspace, name=self.name, role=self.role)
        credentials.issue(Actor("test"), self.credential)
        self.token = tokens.issue(self.credential, clock.now())

    def call(self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None) -> Any:
        """The answer. Headers are added to the token's."""
        address = path if path.startswith("/") else f"/api/v1/workspaces/{self.workspace.pk}/{path}"
        more: dict[str, Any] = {} if body is None else {"data": body, "content_type": "application/json"}
        sent = {"authorization": f"Bearer {self.token}", **(headers or {})}
        return getattr(Client(), method)(address, headers=sent, **more)

    def get(self, path: str, **headers: str) -> Any:
        return self.call("get", path, headers=_named(headers))

    def post(self, path: str, body: object = None, **headers: str) -> Any:
        return self.call("post", path, body, _named(headers))

    def patch(self, path: str, body: object, **headers: str) -> Any:
        return self.call("patch", path, body, _named(headers))

    def delete(self, path: str, **headers: str) -> Any:
        return self.call("delete", path, headers=_named(headers))


def _named(headers: dict[str, str]) -> dict[str, str]:
    """`if_match` is the header If-Match."""
    return {name.replace("_", "-"): value for name, value in headers.items()}
