"""Structured logs: one JSON object a line on standard error, with request and batch ids, without secrets."""

import logging
import logging.config
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

SECRET_WORDS = ("authorization", "password", "secret", "token", "cookie", "api_key")
HIDDEN = "[hidden]"
FIRST_FAULT_OF_OURS = 500


def configure(config: Mapping[str, Any]) -> None:
    """Set up structlog and the standard library's logging; named by LOGGING_CONFIG."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        plain_request,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        hide_secrets,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        # What is below the level costs nothing: intake logs each request at debug.
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[config["level"]]),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "json": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": shared,
                    "processors": [
                        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                        structlog.processors.JSONRenderer(),
                    ],
                }
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
            "root": {"handlers": ["stderr"], "level": config["level"]},
        }
    )


def plain_request(_logger: object, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace Django's request by its method and path: queries hold identities and secrets.

    What the client did wrong is one warning without a traceback.
    """
    if (request := entry.pop("request", None)) is not None:
        entry["method"], entry["path"] = getattr(request, "method", None), getattr(request, "path", None)
    if entry.get("status_code", FIRST_FAULT_OF_OURS) < FIRST_FAULT_OF_OURS:
        entry.pop("exc_info", None)
        if entry.get("level") == "error":
            entry["level"] = "warning"
    return entry


def hide_secrets(_logger: object, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace the values of fields whose name says that they are secret."""
    for name in entry:
        if any(word in name.lower() for word in SECRET_WORDS):
            entry[name] = HIDDEN
    return entry
