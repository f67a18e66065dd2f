"""What bank add to the schema."""

from mfm.store.migrate import run_sql

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Run the SQL file of the same name."""
    run_sql("0009_bank.sql")
