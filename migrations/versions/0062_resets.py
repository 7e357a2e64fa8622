from migrations.revision import run_sql

revision = "0062"
down_revision = "0059"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql(__file__)
