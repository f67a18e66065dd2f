"""The journal: records, postings, balances, nouns, roles' grants, and append_batch."""

from mfm.store.migrate import run_sql

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Run the SQL file of the same name; there is no way down from an append-only journal."""
    run_sql("0001_journal.sql")
