"""What attestations add to the schema."""

from mfm.store.migrate import run_sql

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Run the SQL file of the same name."""
    run_sql("0013_attestations.sql")
