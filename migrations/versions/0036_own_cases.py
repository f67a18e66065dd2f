"""What looking at one's own cases alone adds to the schema."""

from mfm.store.migrate import run_sql

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    """Run the SQL file of the same name."""
    run_sql("0036_own_cases.sql")
