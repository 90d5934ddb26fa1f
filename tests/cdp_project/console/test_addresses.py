"""Where the product says that it is."""

import json
from pathlib import Path

import pytest
from django.conf import LazySettings

from cdp_project.console.addresses import base_url
from cdp_project.embedded.address import ADDRESS_FILE


@pytest.fixture(autouse=True)
def other_shell(monkeypatch: pytest.MonkeyPatch, settings: LazySettings, tmp_path: Path) -> None:
    """A shell that knows nothing of the run."""
    for name in ("HOST", "PORT"):
        monkeypatch.delenv(name, raising=False)
    settings.VAR_DIR = tmp_path


def test_another_shell_finds_what_the_run_noted(tmp_path: Path) -> None:
    assert base_url() == "http://127.0.0.1:8000"
    (tmp_path / ADDRESS_FILE).write_text(json.dumps({"host": "::", "port": "8123"}))
    assert base_url() == "http://[::1]:8123"


def test_what_is_set_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ADDRESS_FILE).write_text(json.dumps({"host": "127.0.0.1", "port": "8123"}))
    monkeypatch.setenv("PORT", "8200")
    assert base_url() == "http://127.0.0.1:8200"
