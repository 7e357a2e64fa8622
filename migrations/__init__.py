"""The alembic environment; revisions are SQL, forward only."""
