"""Runs the revisions over asyncpg, one transaction each. Called by services.core.migrate."""

from typing import Any

from alembic import context
from sqlalchemy import Connection, text


def run(connection: Connection) -> None:
    """Upgrade the database behind `connection` to the newest revision."""
    context.configure(connection=connection, transaction_per_migration=True, on_version_apply=attributes.get("on_step"))
    connection.execute(text("set lock_timeout = '10s'"))
    connection.execute(text("set client_connection_check_interval = '5s'"))  # who was killed holds no lock for long
    with context.begin_transaction():
        context.run_migrations()


attributes: dict[Any, Any] = context.config.attributes
run(attributes["connection"])
