"""Decisions are evaluated again: what was signed anew with the true key comes out another."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from msgspec import json

from mfm.app import verify_rules
from mfm.app.replays import verify
from mfm.core.record import canonical
from mfm.formats import canonical as fast
from mfm.verifier import Options
from tests.tamper.forging import FINE, Files, Judge, Told, World, chained, put, told_of
from tests.tamper.test_readers import run
from tests.tamper.test_records import made, update


def decision_of(told: list[Told]) -> Told:
    row: Told = made(told, "application.submit")["sets"]["decision"][0]
    return row


def decisions(told: list[Told]) -> int:
    """Return how many there are; one whose record was taken back is told of once more."""
    sets = [each["body"].get("sets", {}).get("decision", ()) for each in told]
    return len({row["id"] for rows in sets for row in rows})


def content_of(told: list[Told], files: Files) -> Told:
    content: Told = json.decode(files["blobs/" + decision_of(told)["content"]])
    return content


def kept(files: Files, content: bytes, before: str) -> str:
    """Keep a blob instead of another; return its name."""
    name = sha256(content).hexdigest()
    del files[f"blobs/{before}"]
    files[f"blobs/{name}"] = content
    return name


def rewritten(edit: Callable[[Told], object]) -> Callable[[list[Told], Files], None]:
    """Have a forger write the decision's content anew, and name it."""

    def forge(told: list[Told], files: Files) -> None:
        row, content = decision_of(told), content_of(told, files)
        edit(content)
        content["facts_sha256"] = sha256(canonical(content["facts"])).hexdigest()
        row["content"] = kept(files, canonical(content), row["content"])

    return forge


def another_outcome(told: list[Told], files: Files) -> None:
    """Have record and content agree on what the files do not come to."""
    rewritten(lambda content: update(content, outcome="allow-with-flags"))(told, files)
    update(decision_of(told), outcome="allow-with-flags")


def another_policy(told: list[Told], files: Files) -> None:
    """Swap the file that was asked for one that lets more through, wherever it is named."""
    pinned = content_of(told, files)["policies"][0]["file"]
    eased = files[f"blobs/{pinned}"].replace(b'"refuse"', b'"flag"')
    assert sha256(eased).hexdigest() != pinned
    name = kept(files, eased, pinned)
    for each in told:
        for row in each["body"].get("sets", {}).get("policy", ()):
            if row["content"] == pinned:
                row["content"] = name


def emptied(content: Told) -> None:
    content.clear()
    content["facts"] = {}


def left_out(content: Told) -> None:
    """Tell of no policy at all, and of no rule."""
    update(content, policies=[], rules=[], outcome="allow")


FORGERIES: dict[str, Callable[[list[Told], Files], None]] = {
    "another outcome": another_outcome,
    "another outcome in its content alone": rewritten(
        lambda content: update(content, outcome="refuse")
    ),
    "a fact less": rewritten(lambda content: content["facts"].pop("fund.currency")),
    "another fact": rewritten(lambda content: update(content["facts"], **{"fund.currency": "EUR"})),
    "a rule that said otherwise": rewritten(
        lambda content: update(content["rules"][0], result="not-applicable")
    ),
    "no policy was asked": rewritten(left_out),
    "no facts at all": rewritten(lambda content: content.pop("rules")),
    "a policy's file swapped": another_policy,
    "no content of a decision": rewritten(emptied),
}


def test_what_is_sound_comes_out_the_same(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = put(world.files, tmp_path / "sound")
    number = decisions(told_of(world.files))
    assert number
    for judge in (verify_rules.verify, None):
        more = (judge,) if judge else ()
        code, told = verify(path, world.policy, Options(read=fast.read), *more)
        assert (code, told["ok"], told["problems"]) == (0, True, [])
        assert (told["decisions_rerun"], told["decisions_not_rerun"]) == (number, 0)
    (tmp_path / "policy").write_text(world.policy, "utf-8")
    assert run(path, "--policy", tmp_path / "policy") == 0
    assert f"    {number} decisions come out the same again\n" in capsys.readouterr().out


@pytest.mark.parametrize("what", FORGERIES)
def test_signed_with_the_true_key(
    what: str, world: World, judge: Judge, files: Files, tmp_path: Path
) -> None:
    told = told_of(files)
    FORGERIES[what](told, files)
    forged = world._replace(files=files).signed(chained(told))
    assert judge(forged) == FINE
    decided = decision_of(told)
    seq = next(
        each["seq"] for each in told if decided in each["body"].get("sets", {}).get("decision", ())
    )
    code, found = verify(put(forged, tmp_path / "x"), world.policy, Options(read=fast.read))
    problem = found["problems"][0]
    assert (code, problem["code"], problem["seq"]) == (1, "decision-replay", int(seq))
    assert not found["ok"]
    assert found["decisions_rerun"] == decisions(told) - found["decisions_not_rerun"]
    assert found["decisions_not_rerun"] > 0  # that one, and those after it


def test_another_engine_is_told(world: World, files: Files, tmp_path: Path) -> None:
    """What another engine decided is not held against this one; it is said that it was not."""
    told = told_of(files)
    rewritten(lambda content: update(content, engine="mfm-policy/0"))(told, files)
    forged = world._replace(files=files).signed(chained(told))
    code, found = verify(put(forged, tmp_path / "x"), world.policy, Options(read=fast.read))
    others = decisions(told) - 1
    assert (code, found["decisions_rerun"], found["decisions_not_rerun"]) == (0, others, 1)
