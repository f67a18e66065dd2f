"""What policies add to the schema."""

from mfm.store.migrate import run_sql

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Run the SQL file of the same name."""
    run_sql("0015_policies.sql")
