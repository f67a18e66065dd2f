"""A catalogue and a policy to vary, for the tests of the engine."""

from pathlib import Path

from mfm.core.facts import Catalogue
from mfm.core.policy_format import PolicyFile, load

ROOT = Path(__file__).resolve().parents[2]
POLICIES = ROOT / "policies"
CATALOGUE = Catalogue((POLICIES / "catalogue" / "facts.toml").read_bytes())

HEAD = """format = 1
id = "test.applicants"
version = 2
kind = "eligibility"
title = {en = "Who may apply", fr = "Qui", es = "Quién", ar = "من"}
time_zone = "Africa/Nairobi"
effective_from = 2026-01-01
effective_until = 2026-12-31
supersedes = "test.applicants@1"
owner = "secretariat"
awaiting_review = ["fr", "es", "ar"]
[source]
document = "Operations manual"
clause = "4"
"""
TEXTS = """message = {en = "No.", fr = "Non.", es = "No.", ar = "لا."}
fix = {en = "Change it.", fr = "Changez.", es = "Cambie.", ar = "غيروا."}
"""


def rule(body: str, name: str = "one", severity: str = "refuse", texts: str = TEXTS) -> str:
    """Return a rule's TOML."""
    return f'[[rule]]\nid = "{name}"\nseverity = "{severity}"\n{body}\n{texts}'


def policy(*rules: str, head: str = HEAD) -> PolicyFile:
    """Load a policy of these rules."""
    return load((head + "".join(rules)).encode(), CATALOGUE, "test.toml")
