"""The settings that a start was given, looked at before anything is started."""

import sys
from collections.abc import MutableMapping
from pathlib import Path

from cdp_project import variables
from cdp_project.embedded.errors import SettingError

# What the supervisor itself goes by; the processes read files of the others when they start.
OURS = (
    "HOST",
    "PORT",
    "TRIBUTARY_VAR",
    "DATABASE_URL",
    "REDIS_URL",
    "ALLOWED_HOSTS",
    "CDP_DELIVERY_ALLOW",
    "CDP_SINK_PORT",
)


def read_settings(environment: MutableMapping[str, str]) -> None:
    """Raise SettingError for values that cannot be used; say which variables mean nothing; put in what files hold."""
    if found := variables.problems(environment):
        raise SettingError("\n".join(found))
    for sentence in variables.strangers(environment):
        sys.stderr.write(f"{sentence}\n")
    for name in OURS:
        if path := environment.pop(f"{name}_FILE", ""):
            environment[name] = Path(path).read_text().strip()
