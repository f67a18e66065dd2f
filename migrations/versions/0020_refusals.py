"""What refusals that keep their decision add to the schema."""

from mfm.store.migrate import run_sql

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Run the SQL file of the same name."""
    run_sql("0020_refusals.sql")
