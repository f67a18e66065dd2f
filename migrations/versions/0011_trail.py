"""The trail's tiles and checkpoints."""

from mfm.store.migrate import run_sql

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Run the SQL file of the same name."""
    run_sql("0011_trail.sql")
