"""Entity tags of representations: edits that know what they change, reads that need no body (RFC 9110, 8.8.3, 13.1)."""

import hashlib
from collections.abc import Mapping
from typing import Any

from django.utils.http import parse_etags
from drf_spectacular.utils import OpenApiParameter
from rest_framework import status
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from cdp_project.kernel.errors import Refusal

ETAG = OpenApiParameter(
    "ETag", str, OpenApiParameter.HEADER, response=[200, 201, 304], description="Another one for each representation."
)
IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="ETags, or `*`: only if the representation is still one of these. Without it the edit goes through.",
)
IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match", str, OpenApiParameter.HEADER, description="ETags, or `*`: answer 304 if it is still one of these."
)
ANY = ["*"]


def tag_of(representation: Mapping[str, Any], without: frozenset[str] = frozenset()) -> str:
    """The strong tag of what is shown; `without` names what is shown once and never again."""
    lasting = {name: value for name, value in representation.items() if name not in without}
    return f'"{hashlib.sha256(JSONRenderer().render(lasting)).hexdigest()[:32]}"'


def refuse_another(headers: Mapping[str, str], tag: str) -> None:
    """If-Match. Raises Refusal 412. A weak tag matches nothing, as the comparison is the strong one."""
    wanted = headers.get("If-Match")
    if wanted is None:
        return
    tags = parse_etags(wanted)
    if tags != ANY and tag not in tags:
        told = "It was changed since you read it: read it again, and repeat the edit with the new ETag in If-Match."
        raise Refusal(status.HTTP_412_PRECONDITION_FAILED, "changed_meanwhile", told)


def tagged(headers: Mapping[str, str], answer: Mapping[str, Any]) -> Response:
    """The answer to a GET: with its tag, and without a body when If-None-Match names it."""
    tag = tag_of(answer)
    known = [each.removeprefix("W/") for each in parse_etags(headers.get("If-None-Match", ""))]
    if known == ANY or tag in known:
        return Response(status=status.HTTP_304_NOT_MODIFIED, headers={"ETag": tag})
    return Response(answer, headers={"ETag": tag})
