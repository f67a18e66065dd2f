"""What links add to the schema."""

from mfm.store.migrate import run_sql

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Run the SQL file of the same name."""
    run_sql("0010_links.sql")
