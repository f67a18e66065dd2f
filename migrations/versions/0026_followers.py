"""What followers add to the schema."""

from mfm.store.migrate import run_sql

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    """Run the SQL file of the same name."""
    run_sql("0026_followers.sql")
