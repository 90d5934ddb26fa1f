"""What `make up` says once everything runs. Pure."""

from typing import TypedDict

WIDTH = 78


class FirstStart(TypedDict):
    """What the first start made, as `manage.py up --prepare` prints it; `password` only when it was just made."""

    console_url: str
    username: str
    password: str | None
    curl: str
    sdk_snippet: str
    created: bool


def banner(first: FirstStart, sink_url: str) -> str:
    """The console's address, the login, and two ways to send a first event."""
    rule = "─" * WIDTH
    lines = [
        rule,
        "Tributary runs. Stop it with Ctrl-C.",
        "",
        f"  Console   {first['console_url']}",
        f"  Login     {_login(first)}",
        f"  Sink      {sink_url}  (counts what the demo's webhook output delivers)",
        "",
        "Send an event from a shell:",
        "",
        first["curl"].strip("\n"),
        "",
        "or with mParticle's Python SDK:",
        "",
        first["sdk_snippet"].strip("\n"),
        rule,
    ]
    return "\n".join(["", *lines, ""])


def _login(first: FirstStart) -> str:
    name, password = first["username"], first["password"]
    if password:
        return f"{name}  password: {password}  (shown this once: keep it)"
    return f"{name}  password: as set; `.venv/bin/python manage.py changepassword {name}` sets a new one"
