"""How the addresses below /oauth stand in the API schema (RFC 6749, RFC 7009)."""

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema, inline_serializer
from rest_framework.serializers import CharField, ChoiceField, DictField, IntegerField, ListField

from cdp_project.workspaces.scopes import Scope
from cdp_project.workspaces.token_request import FORM, JSON

TAGS = ["Tokens"]

_CLIENT = {
    "client_id": CharField(required=False, help_text="Here or by Basic authentication."),
    "client_secret": CharField(required=False),
}
_GRANT = inline_serializer(
    "TokenRequest",
    {
        "grant_type": ChoiceField(["client_credentials"]),
        **_CLIENT,
        "scope": CharField(
            required=False,
            help_text=f"Fewer of {' '.join(Scope)}, between blanks; all that the role gives unless given.",
        ),
        "audience": CharField(required=False, help_text="Not looked at."),
    },
)
_TOKEN = inline_serializer(
    "Token",
    {
        "access_token": CharField(),
        "expires_in": IntegerField(help_text="Seconds."),
        "token_type": CharField(),
        "scope": CharField(help_text="What the token carries."),
    },
)
_REVOCATION = inline_serializer(
    "TokenRevocation", {"token": CharField(), **_CLIENT, "token_type_hint": CharField(required=False)}
)
_ERROR = inline_serializer(
    "OAuthError",
    {
        "error": CharField(help_text="A code of OAuth 2."),
        "error_description": CharField(),
        "code": CharField(help_text="The same code."),
        "message": CharField(help_text="The same sentence."),
        "errors": ListField(child=DictField(child=CharField())),
        "Errors": ListField(child=DictField(child=CharField())),
    },
)
_REFUSALS = {
    400: OpenApiResponse(_ERROR, "The request cannot be read, or asks for a scope that there is not."),
    401: OpenApiResponse(_ERROR, "The client is unknown, its secret is wrong, or it was revoked."),
    429: OpenApiResponse(_ERROR, "Too many wrong secrets; see Retry-After."),
}
_PAIR = {"grant_type": "client_credentials", "client_id": "0123456789abcdef0123456789abcdef", "client_secret": "…"}

issuing = extend_schema(
    operation_id="createToken",
    tags=TAGS,
    request={JSON: _GRANT, FORM: _GRANT},
    responses={200: _TOKEN, **_REFUSALS},
    examples=[OpenApiExample("To look only", {**_PAIR, "scope": "read"}, request_only=True)],
)
revoking = extend_schema(
    operation_id="revokeToken",
    tags=TAGS,
    request={JSON: _REVOCATION, FORM: _REVOCATION},
    responses={200: OpenApiResponse(description="The token works no more, or never did."), **_REFUSALS},
)
