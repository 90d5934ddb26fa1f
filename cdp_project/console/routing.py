"""Addresses of the console's websockets."""

from django.urls import re_path

from cdp_project.console.consumers import LiveConsumer

websocket_urlpatterns = [
    re_path(r"^ws/w/(?P<slug>[^/]+)/(?P<environment>[^/]+)/live/$", LiveConsumer.as_asgi()),
]
