"""What the guards are at less cost."""

from mfm.store.migrate import run_sql

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Run the SQL file of the same name."""
    run_sql("0014_cheaper_guards.sql")
