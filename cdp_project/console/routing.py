"""Addresses of the console's websockets."""

from django.urls import re_path

from cdp_project.console.consumers import LiveConsumer

websocket_urlpatterns = [
    re_path(r"^ws/w/(?P<slug>[-a-zA-Z0-9_]+)/(?P<environment>[a-z]+)/live/$", LiveConsumer.as_asgi()),
]
