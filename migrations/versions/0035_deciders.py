"""What deciding over several funds adds to the schema."""

from mfm.store.migrate import run_sql

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    """Run the SQL file of the same name."""
    run_sql("0035_deciders.sql")
