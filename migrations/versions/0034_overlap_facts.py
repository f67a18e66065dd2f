"""What the facts of cases of overlap add to the schema."""

from mfm.store.migrate import run_sql

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    """Run the SQL file of the same name."""
    run_sql("0034_overlap_facts.sql")
