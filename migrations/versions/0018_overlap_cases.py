"""What cases of overlap add to the schema."""

from mfm.store.migrate import run_sql

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Run the SQL file of the same name."""
    run_sql("0018_overlap_cases.sql")
