"""The API's documentation, to be browsed and tried: Swagger UI over /api/schema/, from our own host alone."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe


@require_safe
def api_docs(request: HttpRequest) -> HttpResponse:
    """For everybody, as the schema is. Scripts and styles are files, so that the strict content policy stays."""
    return render(request, "console/api_docs.html", {"title": "API"})
