"""The gate of scopes: whether a token was narrowed below what an endpoint needs."""

from rest_framework.request import Request

from cdp_project.kernel.errors import Refusal
from cdp_project.workspaces.scopes import Scope, Scopes, written


def require(request: Request, scope: Scope) -> None:
    """Refusal 403 when the token carries less. Whether the credential's role gives it, the gate of roles asks."""
    carried: Scopes = getattr(request.user, "scopes", frozenset())
    if scope in carried:
        return
    told = f"This needs a token with the scope {scope}; this one has {written(carried) or 'none'}."
    raise Refusal(403, "scope_too_small", f"{told} POST /oauth/token gives one, as far as the credential's role goes.")
