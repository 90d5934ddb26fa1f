"""Every environment variable that Tributary reads, and what may stand in it. Imports no Django.

The supervisor asks too. The README's configuration table says what each is for; a test holds the two together.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from cdp_project.variable_kinds import (
    Check,
    address_list,
    anything,
    database_url,
    fernet_keys,
    log_level,
    networks,
    number,
    port,
    store_url,
    yes_or_no,
)

OURS = "CDP_"
# Of tests alone.
UNTOLD = {"CDP_FAILPOINTS", "CDP_TEST_TIME_FACTOR"}


@dataclass(frozen=True, slots=True)
class Variable:
    """`check` says what to write instead of a value that cannot be used; a secret one is never shown."""

    name: str
    check: Check
    is_secret: bool = False


VARIABLES = (
    Variable("HOST", anything),
    Variable("PORT", port),
    Variable("TRIBUTARY_VAR", anything),
    Variable("DATABASE_URL", database_url, is_secret=True),
    Variable("REDIS_URL", store_url("redis", "rediss"), is_secret=True),
    Variable("CELERY_BROKER_URL", store_url("redis", "rediss", "amqp", "amqps"), is_secret=True),
    Variable("SECRET_KEY", anything, is_secret=True),
    Variable("CDP_ENCRYPTION_KEYS", fernet_keys, is_secret=True),
    Variable("ALLOWED_HOSTS", anything),
    Variable("CSRF_TRUSTED_ORIGINS", address_list),
    Variable("CDP_HTTPS", yes_or_no),
    Variable("CDP_METRICS_TOKEN", anything, is_secret=True),
    Variable("CDP_LANES", number(1, 4096)),
    Variable("CDP_FAST_LANE", yes_or_no),
    Variable("CDP_INTAKE_WAITING_REQUESTS", number(1)),
    Variable("CDP_INTAKE_WAITING_BYTES", number(1_000_000)),
    Variable("CDP_BACKLOG_MAX_AGE_S", number(1)),
    Variable("CDP_DISK_FREE_LEAST_MB", number(0)),
    Variable("CDP_CLIENT_MPIDS_PER_MINUTE", number(0)),
    Variable("CDP_API_REQUESTS_PER_MINUTE", number(0)),
    Variable("CDP_EVENT_RETENTION_DAYS", number(1)),
    Variable("CDP_DELIVERY_ALLOW", networks),
    Variable("CDP_SINK_PORT", port),
    Variable("CDP_LOG_LEVEL", log_level),
    Variable("DEBUG", yes_or_no),
)


def problems(environment: Mapping[str, str]) -> list[str]:
    """A sentence for each variable whose value cannot be used. What is empty counts as not set."""
    return [sentence for variable in VARIABLES for sentence in _problems_of(variable, environment)]


def strangers(environment: Mapping[str, str]) -> list[str]:
    """A sentence for each variable that looks like ours and is none, with the name that was probably meant."""
    known = {variable.name for variable in VARIABLES} | UNTOLD
    names = sorted(name for name in environment if name.startswith(OURS) and name.removesuffix("_FILE") not in known)
    return [
        f"{name} is no variable of Tributary and changes nothing{_nearest(name, known - UNTOLD)}." for name in names
    ]


def _nearest(name: str, known: set[str]) -> str:
    near = get_close_matches(name, sorted(known), n=1)
    return f"; {near[0]} was probably meant" if near else ""


def _problems_of(variable: Variable, environment: Mapping[str, str]) -> Iterator[str]:
    name, value = variable.name, environment.get(variable.name, "")
    if path := environment.get(f"{name}_FILE"):
        if value:
            yield f"{name} and {name}_FILE are both set; leave one of them out."
            return
        try:
            value = Path(path).read_text().strip()
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            yield f"{name}_FILE={path} cannot be read ({reason}); name a text file that this user may read."
            return
    if value and (instead := variable.check(value)):
        shown = name if variable.is_secret else f"{name}={value}"
        yield f"{shown} cannot be used; {instead}."
