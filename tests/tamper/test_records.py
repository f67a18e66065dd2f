"""What an operator could write anew and sign with the true keys, and the rules that still tell.

Nothing outside the export is asked here: no older checkpoint, no witness. Each forgery is chained,
put into the tree, signed and balanced again; what catches it is what the records say themselves.
"""

from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest

from mfm.verifier import COSIGNATURE, LOG
from tests.tamper.forging import FINE, Files, Judge, Told, World, chained, told_of


def made(told: list[Told], verb: str, name: str = "", nth: int = 0) -> Told:
    """Return the accepted records of a verb, about a noun of that id where one is named."""
    found = [
        each["body"]
        for each in told
        if (each["body"]["verb"], each["outcome"]) == (verb, "accepted")
        and (not name or name in {row["id"] for rows in sets(each) for row in rows})
    ]
    return found[nth]


def sets(told: Told) -> list[list[Told]]:
    return list(told["body"].get("sets", {}).values())


def paid(told: list[Told], verb: str, name: str = "dt") -> Told:
    """Return what a step of a payment sets it to."""
    row: Told = made(told, f"disbursement.{verb}", name)["sets"]["disbursement"][0]
    return row


def posting(told: list[Told], verb: str, name: str) -> Told:
    first: Told = made(told, verb, name)["postings"][0]
    return first


def reversals(told: list[Told]) -> list[Told]:
    return [each["body"] for each in told if "reverses" in each["body"]]


def taken_back(told: list[Told], kind: str) -> Told:
    """Return a reversal that sets a noun of some kind back."""
    return next(body for body in reversals(told) if kind in body.get("sets", {}))


def refused(told: list[Told]) -> Told:
    return next(each for each in told if each["outcome"] == "refused")


def update(told: Told, **fields: Any) -> None:  # noqa: ANN401  # any of JSON
    told.update(fields)


def vkey(name: str, kind: int) -> str:
    """Return some verifier key in note format."""
    raw = bytes([kind]) + bytes(range(32))
    own = sha256(name.encode() + b"\n" + raw).hexdigest()[:8]
    return f"{name}+{own}+{b64encode(raw).decode()}"


FORGERIES: dict[str, tuple[Callable[[list[Told]], object], str]] = {
    # The payment
    "more is paid than was approved": (
        lambda told: [update(paid(told, step), amount_minor="53600000") for step in STEPS[2:]],
        "state-step",
    ),
    "another is paid than asked": (
        lambda told: update(paid(told, "release", "dw"), to_party="agent"),
        "state-step",
    ),
    "it belongs to another commitment": (
        lambda told: update(paid(told, "release", "dw"), commitment="t"),
        "state-step",
    ),
    "who approved it is not who made the record": (
        lambda told: update(paid(told, "approve"), approved_by="z"),
        "four-eyes",
    ),
    "who released it is not who made the record": (
        lambda told: update(paid(told, "release"), released_by="z"),
        "four-eyes",
    ),
    "the approval was there from the beginning": (
        lambda told: update(paid(told, "request"), approved_by="b"),
        "four-eyes",
    ),
    "who asked was somebody else, after all": (
        lambda told: [update(paid(told, step), requested_by="z") for step in STEPS[1:]],
        "four-eyes",
    ),
    "who asked approved it": (
        lambda told: [
            update(made(told, "disbursement.approve", "dt")["actor"], key="a"),
            [update(paid(told, step), approved_by="a") for step in STEPS[1:]],
        ],
        "four-eyes",
    ),
    "nobody approved it": (
        lambda told: [update(paid(told, step), approved_by="") for step in STEPS[1:]],
        "four-eyes",
    ),
    "it was not approved": (lambda told: update(paid(told, "approve"), status="reviewed"), ""),
    "it is paid twice": (
        lambda told: update(paid(told, "confirm", "dt"), status="approved"),
        "payment",
    ),
    "it is paid and no payment": (
        lambda told: made(told, "disbursement.release", "dw")["sets"].pop("disbursement"),
        "payment",
    ),
    "it is a payment and not paid": (
        lambda told: made(told, "disbursement.release", "dw").update(postings=[]),
        "payment",
    ),
    # The books
    "an amount": (
        lambda told: update(posting(told, "deposit.receive", "d"), amount_minor="1"),
        "",
    ),
    "an amount of nothing": (
        lambda told: update(posting(told, "deposit.receive", "d"), amount_minor="0"),
        "posting-form",
    ),
    "an amount below nothing": (
        lambda told: update(posting(told, "deposit.receive", "d"), amount_minor="-5"),
        "posting-form",
    ),
    "an amount in another spelling": (
        lambda told: update(posting(told, "deposit.receive", "d"), amount_minor="1_0"),
        "posting-form",
    ),
    "money moves from one fund to another by itself": (
        lambda told: posting(told, "deposit.receive", "d")["debit"].__setitem__(0, "n"),
        "posting-form",
    ),
    "money changes its currency by itself": (
        lambda told: posting(told, "deposit.receive", "d")["debit"].__setitem__(3, "EUR"),
        "posting-form",
    ),
    "an account of no chart": (
        lambda told: posting(told, "deposit.receive", "d")["debit"].__setitem__(2, "1199"),
        "posting-form",
    ),
    "a fund has reported books, and so no floors": (
        lambda told: update(made(told, "fund.open", "n")["sets"]["fund"][0], reported=True),
        "payment",
    ),
    # The places
    "it is of no fund's chain": (
        lambda told: next(t for t in told if t["body"].get("postings")).update(chain=[]),
        "fund-chain",
    ),
    "it is earlier than the one before": (
        lambda told: update(told[40], at="2020-01-01T00:00:00.000000Z"),
        "record-place",
    ),
    "it is of a day to come": (
        lambda told: update(told[-1], at="2999-01-01T00:00:00.000000Z"),
        "record-clock",
    ),
    "its time is none": (lambda told: [update(each, at="yesterday") for each in told], "malformed"),
    "it is of another form": (lambda told: update(told[3], v="2"), "record-place"),
    "it says more than a record does": (lambda told: update(told[3], also="x"), "record-form"),
    "it was neither accepted nor refused": (
        lambda told: update(told[3], outcome="perhaps"),
        "record-form",
    ),
    "a refusal moves money": (
        lambda told: update(
            refused(told)["body"], postings=[posting(told, "deposit.receive", "d")]
        ),
        "record-form",
    ),
    "a refusal sets a state": (
        lambda told: update(refused(told)["body"], sets=told[0]["body"]["sets"]),
        "record-form",
    ),
    "a noun that was made twice": (
        lambda told: update(made(told, "fund.open", "n")["sets"]["fund"][0], id="g"),
        "state-order",
    ),
    "a reversal sets back another noun": (
        lambda told: update(taken_back(told, "party")["sets"]["party"][0], id="z", prev="0"),
        "reversal",
    ),
    "a reversal moves less money back": (
        lambda told: update(
            next(b for b in reversals(told) if "postings" in b)["postings"][0], amount_minor="1"
        ),
        "reversal",
    ),
    # What stands beside
    "a commitment that is not there": (
        lambda told: next(t for t in told if "commit" in t["body"])["body"].pop("commit"),
        "disclosure",
    ),
    "a commitment to something else": (
        lambda told: next(t for t in told if "commit" in t["body"])["body"]["commit"].update(
            description="A" * 43
        ),
        "disclosure",
    ),
    "a commitment without its text": (
        lambda told: update(told[0]["body"], commit={"reason": "A" * 43}),
        "disclosure-missing",
    ),
    "the erasure is of another record": (
        lambda told: update(made(told, "payload.erase")["facts"], record="1"),
        "disclosure-missing",
    ),
    "the erasure is of another field": (
        lambda told: update(made(told, "payload.erase")["facts"], fields=["name"]),
        "disclosure-missing",
    ),
    "the new key is a witness's": (
        lambda told: update(
            made(told, "trail.rotate-key")["facts"], new=vkey(told[0]["log"], COSIGNATURE)
        ),
        "key-rotation",
    ),
    "the new key has another name": (
        lambda told: update(made(told, "trail.rotate-key")["facts"], new=vkey("mfm/other", LOG)),
        "signature",
    ),
}
STEPS = ("request", "approve", "release", "confirm")


@pytest.mark.parametrize("what", FORGERIES)
def test_signed_with_the_true_key(what: str, world: World, judge: Judge) -> None:
    edit, code = FORGERIES[what]
    told = told_of(world.files)
    edit(told)
    found = judge(world.signed(chained(told)))
    assert found.exit_code == 1, found
    if code:
        assert found.code == code, found


def test_a_change_of_key_that_was_refused_changes_nothing(world: World, judge: Judge) -> None:
    told = told_of(world.files)
    update(refused(told)["body"], verb="trail.rotate-key")
    assert judge(world.signed(chained(told))) == FINE


def test_case_41_a_funds_slice_with_a_gap(world: World, judge: Judge, files: Files) -> None:
    """One of a fund's records is told to be no part of its chain; those after it go on."""
    told = told_of(files)
    at = next(n for n, each in enumerate(told) if {link["fund"] for link in each["chain"]} == {"n"})
    number = told[at]["chain"][0]["seq"]
    later = next(
        n
        for n, each in enumerate(told[at + 1 :], at + 1)
        if "n" in {link["fund"] for link in each["chain"]}
    )
    records = chained(told)
    gap = records[later].replace(
        f'"seq":"{int(number) + 1}"'.encode(), f'"seq":"{int(number) + 2}"'.encode(), 1
    )
    assert gap != records[later]
    found = judge(world.signed([*records[:later], gap, *records[later + 1 :]]))
    assert found == (1, "fund-chain", later + 1)
