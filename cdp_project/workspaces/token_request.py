"""Reading requests to /oauth: client credentials as JSON, as a form or by Basic (RFC 6749, 2.3.1 and 4.4). Pure."""

import base64
import binascii
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote_plus

import msgspec

GRANT = "client_credentials"
FORM, JSON = "application/x-www-form-urlencoded", "application/json"


class TokenRefusal(Exception):
    """Why there is no token: an error code of OAuth 2 and a sentence."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass(frozen=True, slots=True)
class ClientPair:
    """What the client showed."""

    client_id: str
    secret: str


@dataclass(frozen=True, slots=True)
class Grant:
    """What is asked for: a token for the client, perhaps with fewer scopes than it could have."""

    client: ClientPair
    scope: str


@dataclass(frozen=True, slots=True)
class Revocation:
    """A token that is to end (RFC 7009)."""

    client: ClientPair
    token: str


class _Fields(msgspec.Struct):
    """Fields of the body that matter; `audience`, `token_type_hint` and others are not looked at."""

    grant_type: str | None = None
    client_id: str | None = None
    client_secret: str | None = None
    scope: str | None = None
    token: str | None = None


def read_grant(content_type: str, authorization: str, body: bytes) -> Grant:
    """A well-formed request for a token. Raises TokenRefusal."""
    fields = _fields(content_type, body)
    if fields.grant_type is None:
        raise _invalid('The field "grant_type" is missing; it must be "client_credentials".')
    if fields.grant_type != GRANT:
        raise TokenRefusal(400, "unsupported_grant_type", 'The only "grant_type" here is "client_credentials".')
    return Grant(_pair(_basic(authorization), fields), fields.scope or "")


def read_revocation(content_type: str, authorization: str, body: bytes) -> Revocation:
    """A well-formed request to end a token. Raises TokenRefusal."""
    fields = _fields(content_type, body)
    if not fields.token:
        raise _invalid('The field "token" is missing: the access token that is to end.')
    return Revocation(_pair(_basic(authorization), fields), fields.token)


def _fields(content_type: str, body: bytes) -> _Fields:
    kind = content_type.partition(";")[0].strip().lower()
    if kind == FORM:
        return _form(body)
    if kind in {JSON, ""}:
        return _json(body)
    raise _invalid(f"The body must be {JSON} or {FORM}.")


def _json(body: bytes) -> _Fields:
    try:
        return msgspec.json.decode(body, type=_Fields)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        names = ", ".join(_Fields.__struct_fields__)
        raise _invalid(f"The body must be a JSON object whose fields are texts; looked at are {names}.") from None


def _form(body: bytes) -> _Fields:
    try:
        found = parse_qs(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=50)
    except ValueError:
        raise _invalid("The form cannot be read.") from None
    if any(len(values) > 1 for values in found.values()):
        raise _invalid("The form names a field twice.")
    return msgspec.convert({name: values[0] for name, values in found.items()}, _Fields)


def _basic(authorization: str) -> ClientPair | None:
    scheme, _, text = authorization.partition(" ")
    if not authorization.strip():
        return None
    try:
        pair = base64.b64decode(text.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        pair = ""
    name, colon, secret = pair.partition(":")
    if scheme.lower() != "basic" or not colon:
        raise _invalid("The Authorization header must be Basic with base64 of client_id:client_secret.")
    return ClientPair(unquote_plus(name), unquote_plus(secret))


def _pair(basic: ClientPair | None, fields: _Fields) -> ClientPair:
    in_body = ClientPair(fields.client_id or "", fields.client_secret or "")
    if basic is not None:
        if in_body.secret:
            raise _invalid("Give the credentials either in the body or in the Authorization header, not in both.")
        return basic
    for name in ("client_id", "client_secret"):
        if not getattr(fields, name):
            raise _invalid(f'The field "{name}" is missing.')
    return in_body


def _invalid(message: str) -> TokenRefusal:
    return TokenRefusal(400, "invalid_request", message)
