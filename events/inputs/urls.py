"""Addresses of inputs and their keys, below /api/v1/."""

from django.urls import path

from events.inputs.api import InputsView, InputView
from events.inputs.keys_api import KeysView, KeyView, RotateKeysView

_BASE = "workspaces/<str:workspace_id>/inputs"
_KEYS = f"{_BASE}/<str:input_id>/keys"

urlpatterns = [
    path(_BASE, InputsView.as_view(), name="inputs"),
    path(f"{_BASE}/<str:input_id>", InputView.as_view(), name="input"),
    path(_KEYS, KeysView.as_view(), name="input-keys"),
    path(f"{_KEYS}/rotate", RotateKeysView.as_view(), name="rotate-input-keys"),
    path(f"{_KEYS}/<str:key_id>", KeyView.as_view(), name="input-key"),
]
