"""What write-offs of receivables add to the schema."""

from mfm.store.migrate import run_sql

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    """Run the SQL file of the same name."""
    run_sql("0030_receivables.sql")
