"""What calls add to the schema."""

from mfm.store.migrate import run_sql

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Run the SQL file of the same name."""
    run_sql("0012_calls.sql")
