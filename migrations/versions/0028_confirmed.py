"""What confirmed cases of overlap add to the schema."""

from mfm.store.migrate import run_sql

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    """Run the SQL file of the same name."""
    run_sql("0028_confirmed.sql")
