"""Lines to paste: a first event by curl, and by mParticle's Python SDK. Pure."""

from cdp_project.workspaces.environment import Environment


def curl_line(base_url: str, key: str, secret: str, environment: Environment) -> str:
    """One event of the customer u-1, for any POSIX shell."""
    return "\n".join(
        [
            f"curl -i {base_url}/v2/events \\",
            f"  -u '{key}:{secret}' \\",
            "  -H 'Content-Type: application/json' \\",
            f"""  -d '{{"environment": "{environment.word}",""",
            """       "user_identities": {"customer_id": "u-1"},""",
            """       "events": [{"event_type": "custom_event",""",
            """                   "data": {"event_name": "Hello", "custom_event_type": "other"}}]}'""",
        ]
    )


def sdk_snippet(base_url: str, key: str, secret: str, environment: Environment) -> str:
    """The same with the package mparticle."""
    return "\n".join(
        [
            "import mparticle",
            "",
            "configuration = mparticle.Configuration()",
            f'configuration.api_key = "{key}"',
            f'configuration.api_secret = "{secret}"',
            f'configuration.host = "{base_url}/v2"',
            "",
            "batch = mparticle.Batch()",
            f'batch.environment = "{environment.word}"',
            'batch.user_identities = mparticle.UserIdentities(customerid="u-1")',
            'batch.events = [mparticle.AppEvent("Hello", "other")]',
            "mparticle.EventsApi(configuration).upload_events(batch)",
        ]
    )
