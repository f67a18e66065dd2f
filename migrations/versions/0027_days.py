"""What days ahead add to the schema."""

from mfm.store.migrate import run_sql

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    """Run the SQL file of the same name."""
    run_sql("0027_days.sql")
