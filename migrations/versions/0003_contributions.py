"""What contributions add to the schema."""

from mfm.store.migrate import run_sql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Run the SQL file of the same name."""
    run_sql("0003_contributions.sql")
