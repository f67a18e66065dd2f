"""Who stands how to a case of overlap, asked anew at each look."""

from mfm.store.migrate import run_sql

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    """Run the SQL file of the same name."""
    run_sql("0033_overlap_standing.sql")
