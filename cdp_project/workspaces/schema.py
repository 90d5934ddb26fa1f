"""How Bearer authentication is described in the API schema: by scopes. Loaded when the app is ready."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from cdp_project.workspaces.scopes import MEANINGS, SCOPE


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "cdp_project.workspaces.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_requirement(self, auto_schema: AutoSchema) -> dict[str, list[Any]]:
        """The scope that the operation's method declares."""
        handler = getattr(auto_schema.view, auto_schema.method.lower())
        scope = getattr(handler, SCOPE, None)
        return {self.name: [] if scope is None else [str(scope)]}

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:  # noqa: ARG002 - the library's
        scopes = {str(scope): meaning for scope, meaning in MEANINGS.items()}
        return {
            "type": "oauth2",
            "description": "`Authorization: Bearer <token>`, with a token from POST /oauth/token.",
            "flows": {"clientCredentials": {"tokenUrl": "/oauth/token", "scopes": scopes}},
        }
