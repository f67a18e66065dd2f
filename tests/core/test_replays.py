"""A decision evaluated again: who leaves out what was confirmed of overlap is found out."""

from hashlib import sha256
from typing import Any

import pytest
from msgspec import json

from mfm.core import policies
from mfm.core.decisions import evaluate
from mfm.core.decisions import told as told_of
from mfm.core.judgements import Decision
from mfm.core.policy_format import load
from mfm.core.record import canonical
from mfm.core.replays import Replays
from mfm.core.verify_form import Differs
from tests.core.drafts import DAY, act
from tests.core.policies import CATALOGUE
from tests.overlapping import OVERLAP

FILE = load(OVERLAP, CATALOGUE, "overlap.toml")
BLOBS = {FILE.sha256: OVERLAP, CATALOGUE.sha256: CATALOGUE.content}
CLEAR: dict[str, Any] = {"overlap.confirmed": [], "overlap.cases": []}
FOUND: dict[str, Any] = {"overlap.confirmed": ["same-project"], "overlap.cases": ["01a2218b92cd"]}


def content_of(facts: dict[str, Any]) -> dict[str, Any]:
    """Return what is kept of a signature's decision."""
    kept: dict[str, Any] = json.decode(canonical(told_of(evaluate([FILE], facts, DAY, CATALOGUE))))
    return kept


def again(kept: dict[str, Any]) -> bool:
    """Evaluate a signature's decision again, as its content says it was."""
    kept |= {"facts_sha256": sha256(canonical(kept["facts"])).hexdigest()}
    content = canonical(kept)
    decision = Decision(
        id="d",
        status="made",
        gate="signature",
        fund="n",
        subject="commitment:w",
        judged_on=DAY,
        outcome=kept["outcome"],
        content=sha256(content).hexdigest(),
    )
    replays = Replays()
    replays.feed(1, policies.adopt(act(), [FILE], CATALOGUE).sets)
    replays.feed(2, [decision])
    (met,) = replays.met
    return replays.again(met, content, BLOBS.__getitem__)


def test_what_was_heard_comes_out_the_same() -> None:
    for facts, outcome in ((CLEAR, "allow"), (FOUND, "needs-approval")):
        kept = content_of(facts)
        assert kept["outcome"] == outcome
        assert again(kept)


def test_a_confirmed_case_that_is_left_out_is_missed() -> None:
    passed = content_of(CLEAR)
    for left in (CLEAR, ["overlap.confirmed"]):
        facts = {name: value for name, value in passed["facts"].items() if name not in left}
        seen = {name: value for name, value in facts.items() if name in CLEAR}
        rules = [
            {**each, "seen": {name: seen[name] for name in each["seen"] if name in seen}}
            for each in passed["rules"]
        ]
        with pytest.raises(Differs, match="come to incomplete"):
            again({**passed, "facts": facts, "rules": rules})
    for change in ({"rules": [], "policies": []}, {"facts": passed["facts"] | FOUND}):
        with pytest.raises(Differs, match="decision-replay"):
            again({**passed, **change})
