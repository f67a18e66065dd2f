"""What judgements add to the schema."""

from mfm.store.migrate import run_sql

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Run the SQL file of the same name."""
    run_sql("0016_judgements.sql")
