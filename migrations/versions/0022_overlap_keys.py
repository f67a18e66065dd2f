"""What finding overlap by keys adds to the schema."""

from mfm.store.migrate import run_sql

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Run the SQL file of the same name."""
    run_sql("0022_overlap_keys.sql")
