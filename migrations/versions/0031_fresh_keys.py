"""Keys of overlap that are of now alone."""

from mfm.store.migrate import run_sql

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    """Run the SQL file of the same name."""
    run_sql("0031_fresh_keys.sql")
