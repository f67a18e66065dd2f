"""What the views of cases of overlap add to the schema."""

from mfm.store.migrate import run_sql

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Run the SQL file of the same name."""
    run_sql("0021_overlap_views.sql")
