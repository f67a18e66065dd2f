"""What reads add to the schema."""

from mfm.store.migrate import run_sql

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Run the SQL file of the same name."""
    run_sql("0008_reads.sql")
