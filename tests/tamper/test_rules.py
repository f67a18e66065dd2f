"""What the standalone verifier takes at its word, `mfm verify --rules` holds to the rules."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mfm.app.verify_rules import verify
from mfm.formats import canonical
from mfm.verifier import Options, checkpoint_of
from tests.tamper.forging import (
    FINE,
    Judge,
    Told,
    World,
    chained,
    manifest_of,
    put,
    told_of,
)
from tests.tamper.test_readers import run
from tests.tamper.test_records import made, paid, posting, refused, update


def by_rules(files: dict[str, bytes], folder: Path, policy: str) -> tuple[int, str, dict[str, Any]]:
    code, told = verify(put(files, folder), policy, Options(read=canonical.read))
    return code, told["problems"][0]["code"] if told["problems"] else "", told


def first(told: list[Told], verb: str, kind: str, name: str = "") -> Told:
    row: Told = made(told, verb, name)["sets"][kind][0]
    return row


FORGERIES: dict[str, tuple[Callable[[list[Told]], object], str]] = {
    "a verb that may not": (
        lambda told: update(made(told, "disbursement.approve", "dt"), verb="party.register"),
        "state-verb",
    ),
    "a verb that nobody knows": (
        lambda told: update(made(told, "party.register"), verb="party.bless"),
        "verb-unknown",
    ),
    "a commitment to less than was signed": (
        lambda told: update(first(told, "commitment.sign", "commitment", "c"), amount_minor="1"),
        "states-and-accounts",
    ),
    "an envelope of no known state": (
        lambda told: update(first(told, "allocation.approve", "allocation"), status="blessed"),
        "state-machine",
    ),
    "a posting told to be another transaction": (
        lambda told: update(posting(told, "deposit.receive", "d"), iati="4"),
        "posting-verb",
    ),
    "a step on another day than its record": (
        lambda told: update(paid(told, "approve"), approved_on="2026-03-01"),
        "state-machine",
    ),
    "a fund that no record opened": (
        lambda told: update(first(told, "pledge.announce", "pledge"), fund="z"),
        "state-reference",
    ),
    "a party that no record registered": (
        lambda told: update(first(told, "pledge.announce", "pledge"), donor="z"),
        "state-reference",
    ),
    "a request that was answered before": (
        lambda told: update(
            made(told, "pledge.announce"), caused_by=told[0]["body"]["caused_by"][:-1]
        ),
        "record-form",
    ),
    "something that no record has": (
        lambda told: update(made(told, "pledge.announce"), also="x"),
        "record-form",
    ),
    "a refusal that does not say why": (
        lambda told: refused(told)["body"].pop("refusal"),
        "record-refusal",
    ),
}


def test_what_is_sound_keeps_the_rules(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, told = by_rules(world.files, tmp_path / "sound", world.policy)
    assert (code, told["ok"], told["rules_held"]) == (0, True, world.size)
    (tmp_path / "policy").write_text(world.policy, "utf-8")
    assert run(tmp_path / "sound", "--policy", tmp_path / "policy", "--rules") == 0
    said = capsys.readouterr().out
    assert f"    {world.size} records keep all rules of the ledger\n" in said
    assert " disclosed, 1 erased\n" in said


def test_a_trail_below_the_policy_is_held_to_them_too(world: World, tmp_path: Path) -> None:
    alone = {"checkpoint": world.note(world.size, checkpoint_of(world.files["checkpoint"]).root)}
    code, problem, told = by_rules(world.files | alone, tmp_path / "alone", world.witnessed)
    assert (code, problem, told["rules_held"]) == (3, "quorum", world.size)
    broken = world.files | {"README": b""}
    path = put(broken, tmp_path / "broken", manifest=manifest_of(world.files))
    code, told = verify(path, world.policy)
    assert (code, "rules_held" in told) == (1, False)


@pytest.mark.parametrize("what", FORGERIES)
def test_signed_with_the_true_key(what: str, world: World, judge: Judge, tmp_path: Path) -> None:
    edit, check = FORGERIES[what]
    told = told_of(world.files)
    edit(told)
    forged = world.signed(chained(told))
    assert judge(forged) == FINE
    code, problem, _ = by_rules(forged, tmp_path / "rules", world.policy)
    assert (code, problem) == (1, check)
