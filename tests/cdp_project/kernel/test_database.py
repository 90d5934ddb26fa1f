"""Connections to the database, Django's and those of the hot loops."""

from django.db import connection

from cdp_project.kernel.database import connect

KEPT_ALIVE = {
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
}


def test_connections_notice_a_cut_network(db: None) -> None:
    connection.ensure_connection()
    with connect() as own:
        for each in (connection.connection, own):
            assert KEPT_ALIVE.items() <= each.info.get_parameters().items()
