"""What holds counterparts, and trails' names, apart."""

from mfm.store.migrate import run_sql

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Run the SQL file of the same name."""
    run_sql("0025_counterparts.sql")
