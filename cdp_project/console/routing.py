"""Addresses of the console's websockets."""

from typing import Any, cast

from django.urls import re_path

from cdp_project.console.consumers import LiveConsumer, nothing_here

websocket_urlpatterns = [
    re_path(r"^ws/w/(?P<slug>[-a-zA-Z0-9_]+)/(?P<environment>[a-z]+)/live/$", LiveConsumer.as_asgi()),
    # Without it every probe of a stranger would be a traceback in the log.
    re_path(r"", cast("Any", nothing_here)),
]
