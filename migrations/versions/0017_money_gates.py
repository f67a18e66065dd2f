"""What money gates add to the schema."""

from mfm.store.migrate import run_sql

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Run the SQL file of the same name."""
    run_sql("0017_money_gates.sql")
