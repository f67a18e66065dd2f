"""A noun is any table with its states' records; new ones join by one call."""

from mfm.store.migrate import run_sql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Run the SQL file of the same name."""
    run_sql("0002_nouns.sql")
