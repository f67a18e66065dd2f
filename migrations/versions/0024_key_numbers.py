"""What numbers of keys that are never given twice add to the schema."""

from mfm.store.migrate import run_sql

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Run the SQL file of the same name."""
    run_sql("0024_key_numbers.sql")
