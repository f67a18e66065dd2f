"""What disbursements add to the schema."""

from mfm.store.migrate import run_sql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Run the SQL file of the same name."""
    run_sql("0004_disbursements.sql")
