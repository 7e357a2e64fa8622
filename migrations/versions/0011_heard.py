from alembic import op

from migrations.revision import run_each, run_sql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        run_each(__file__)
    run_sql(__file__)
