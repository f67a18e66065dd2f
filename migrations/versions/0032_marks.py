"""What marks add to the schema."""

from mfm.store.migrate import run_sql

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    """Run the SQL file of the same name."""
    run_sql("0032_marks.sql")
