"""What makes gates cheaper."""

from mfm.store.migrate import run_sql

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Run the SQL file of the same name."""
    run_sql("0019_cheaper_gates.sql")
