"""What contests add to the schema."""

from mfm.store.migrate import run_sql

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Run the SQL file of the same name."""
    run_sql("0023_contests.sql")
