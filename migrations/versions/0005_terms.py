"""What terms add to the schema."""

from mfm.store.migrate import run_sql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Run the SQL file of the same name."""
    run_sql("0005_terms.sql")
