"""JSON bodies of our own API: bounded, strict, and never a fault of the server however they are nested."""

from collections.abc import Mapping
from typing import IO, Any

import msgspec
from django.conf import settings
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser


class BodyTooLarge(APIException):
    """More than a body of our own API may have."""

    status_code = 413
    default_code = "too_large"


class JsonBody(BaseParser):
    """Raises ParseError (400) for what is no JSON, BodyTooLarge (413) for what is too long."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,  # noqa: ARG002 - DRF's signature
        parser_context: Mapping[str, Any] | None = None,  # noqa: ARG002
    ) -> Any:
        most: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        # One byte more than may come: enough to see that it is too much.
        body = stream.read(most + 1)
        if len(body) > most:
            raise BodyTooLarge(f"The body has more than {most} bytes.")
        try:
            return msgspec.json.decode(body)
        except (ValueError, RecursionError) as error:
            raise ParseError(f"The body is no JSON that can be read: {error}") from None
