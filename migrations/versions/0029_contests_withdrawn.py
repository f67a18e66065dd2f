"""What withdrawing a contest adds to the schema."""

from mfm.store.migrate import run_sql

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    """Run the SQL file of the same name."""
    run_sql("0029_contests_withdrawn.sql")
