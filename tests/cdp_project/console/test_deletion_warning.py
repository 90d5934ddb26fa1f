"""Who deletes an output or a connection is told how many events wait and will not be sent."""

from collections.abc import Callable

import pytest
from django.db import connection, transaction
from django.test import Client

from cdp_project.workspaces.environment import Environment
from connections import verdicts
from connections.models import Connection
from connections.verdicts import DELIVERED, MOVED, WAITING, Tally
from tests.cdp_project.console.conftest import Furnished

HOUR_MS = 1_790_000_000_000 - 1_790_000_000_000 % 3_600_000


def count(of: Connection, environment: Environment, waiting: int, delivered: int) -> None:
    """As the pipeline and deliveries count."""
    where = 7, of.pk, int(environment), HOUR_MS
    with transaction.atomic(), connection.cursor() as cursor:
        moved = {(*where, WAITING, MOVED): -delivered, (*where, DELIVERED, ""): delivered}
        verdicts.write(cursor.connection, Tally({(*where, WAITING, ""): waiting, **moved}))


@pytest.mark.parametrize("kind", ["connections/output", "connections/connection", "events/input"])
def test_what_waits_is_told_before_it_is_given_up(
    larder: Furnished, vault: Furnished, sign_in: Callable[..., Client], kind: str
) -> None:
    client, address = sign_in(larder), larder.url(f"{kind}/{larder.objects[kind]}/delete/")
    count(vault.connection, Environment.PRODUCTION, 50, 0)
    assert "will not be" not in client.get(address).text

    count(larder.connection, Environment.PRODUCTION, 5, 2)
    count(larder.connection, Environment.DEVELOPMENT, 1, 0)
    assert "4 events wait to be sent and will not be." in client.get(address).text
    assert client.post(address, {"post": "yes"}).status_code == 302
    assert not Connection.objects.filter(pk=larder.connection.pk).exists()
