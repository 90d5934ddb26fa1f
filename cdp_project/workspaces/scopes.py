"""What a token may do: few scopes, given by the credential's role, of which a token may carry fewer.

Roles decide what a credential may do; scopes only narrow it. Somebody who steals the token of a dashboard
that asked for `read` cannot switch an output off.
"""

from collections.abc import Collection
from enum import StrEnum

from cdp_project.workspaces.models import Role


class Scope(StrEnum):
    """As OAuth 2 spells it (RFC 6749, 3.3)."""

    READ = "read"
    OPERATE = "operate"
    CONFIGURE = "configure"
    ADMINISTER = "administer"


Scopes = frozenset[Scope]

SCOPE = "scope"
"""The attribute of a view's method that says which scope it needs; the schema and the tests read it there."""

MEANINGS = {
    Scope.READ: "Look: events, profiles, deliveries, counts and the configuration, without what is secret.",
    Scope.OPERATE: "Act on what came in: retry, discard, acknowledge.",
    Scope.CONFIGURE: "Change inputs, outputs and connections.",
    Scope.ADMINISTER: "Keys, credentials, members, the audit log and the workspace itself.",
}
LEAST_ROLES = {
    Scope.READ: Role.VIEWER,
    Scope.OPERATE: Role.EDITOR,
    Scope.CONFIGURE: Role.EDITOR,
    Scope.ADMINISTER: Role.ADMIN,
}


def to_read(role: Role) -> Scope:
    """What reading needs where the role is needed."""
    return Scope.ADMINISTER if role == Role.ADMIN else Scope.READ


def to_change(role: Role) -> Scope:
    """What changing configuration needs where the role is needed."""
    return Scope.ADMINISTER if role == Role.ADMIN else Scope.CONFIGURE


def role_within(role: int, scopes: Collection[Scope]) -> Role:
    """The role as far as the scopes carry it: whoever may only read is shown what a viewer is."""
    return Role(min([role, max((LEAST_ROLES[scope] for scope in scopes), default=Role.VIEWER)]))


class UnknownScope(ValueError):
    """A word that is no scope."""


def scopes_of(role: int) -> Scopes:
    """All that a role gives."""
    return frozenset(scope for scope, least in LEAST_ROLES.items() if role >= least)


def read(text: str) -> Scopes:
    """Scopes from words between blanks; none for an empty text. Raises UnknownScope."""
    found = set()
    for word in text.split():
        if word not in LEAST_ROLES:
            raise UnknownScope(f"There is no scope {word[:50]!r}; known are {', '.join(Scope)}.")
        found.add(Scope(word))
    return frozenset(found)


def written(scopes: Collection[Scope]) -> str:
    """The words, in the order in which they are declared."""
    return " ".join(scope for scope in Scope if scope in scopes)
