"""Verification by itself: a sound journal made by hand folds, and each unsound one is found."""

import json
from collections.abc import Callable
from copy import deepcopy
from datetime import date
from hashlib import sha256
from typing import Any

import pytest
from msgspec import structs

from mfm.core.accounts import Account
from mfm.core.allocations import Allocation, Share
from mfm.core.commitments import Commitment, Tranche
from mfm.core.deposits import Deposit
from mfm.core.disbursements import Disbursement
from mfm.core.funds import Fund
from mfm.core.parties import Party
from mfm.core.pledges import Pledge
from mfm.core.record import Noun, plain_struct
from mfm.core.refunds import Refund
from mfm.core.reports import Report
from mfm.core.verify import Fold
from mfm.core.verify_form import Differs
from mfm.core.verify_money import Tally

Story = list[dict[str, Any]]
DAY = date(2026, 3, 2)
ORIGIN = "mfm/by-hand"


def canonical(value: object) -> bytes:
    """Encode as an outsider would: sorted keys, no white space, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def side(code: str, subject: str = "") -> list[str]:
    return ["g", "BUD" if code >= "9" else "FIN", code, "USD", subject]


def move(debit: str, credit: str, amount: int, iati: int = 0) -> dict[str, Any]:
    """Return a posting; a side is told as `code` or `code:subject`."""
    told = {
        "debit": side(*debit.split(":")),
        "credit": side(*credit.split(":")),
        "amount_minor": str(amount),
    }
    if iati:
        told["iati"] = str(abs(iati))
    return told | ({"sign": "-"} if iati < 0 else {})


KINDS = {
    Party: "party",
    Fund: "fund",
    Pledge: "pledge",
    Commitment: "commitment",
    Deposit: "deposit",
    Allocation: "allocation",
    Disbursement: "disbursement",
    Report: "report",
    Refund: "refund",
}


def body(
    verb: str, *states: Noun, key: str = "k", postings: tuple[Any, ...] = (), **more: object
) -> dict[str, Any]:
    """Return a record's body; who may know the states' places in the journal fills them in."""
    made: dict[str, Any] = {
        "verb": verb,
        "actor": {"key": key, "party": "me", "role": "operator"},
        "effective_on": DAY.isoformat(),
        "sets": {KINDS[type(state)]: [plain_struct(state)] for state in states},
        "postings": list(postings),
        **more,
    }
    return {name: value for name, value in made.items() if value}


FUND = Fund(
    id="g",
    status="open",
    name="Global",
    currency="USD",
    steward="me",
    open_until=date(2026, 12, 31),
)


def contribution(status: str, paid: int) -> Commitment:
    return Commitment(
        id="c",
        status=status,
        kind="contribution",
        from_party="me",
        to_fund="g",
        currency="USD",
        amount_minor=1000,
        paid_minor=paid,
        income="4100",
    )


def deposit(fee: int) -> Deposit:
    return Deposit(
        id="d",
        status="received",
        commitment="c",
        fund="g",
        bank_account="main",
        currency="USD",
        amount_minor=1000,
        settled_minor=1000,
        original_currency="USD",
        original_minor=1000,
        fee_minor=fee,
    )


def grant(status: str, taken: str = "", **amounts: int) -> Commitment:
    return Commitment(
        id="w",
        status=status,
        kind="grant",
        from_fund="g",
        to_party="me",
        currency="USD",
        amount_minor=600,
        allocation="a",
        tranches=(Tranche(1, 400, None, taken), Tranche(2, 200)),
        **amounts,
    )


def envelope(held: int) -> Allocation:
    share = Share("c", held)
    return Allocation(
        id="a", status="approved", fund="g", currency="USD", amount_minor=600, shares=(share,)
    )


def payment(status: str, *people: str) -> Disbursement:
    names = ("requested", "approved", "released")
    signed: dict[str, Any] = {f"{name}_by": who for name, who in zip(names, people, strict=False)}
    signed |= {f"{name}_on": DAY for name, _ in zip(names, people, strict=False)}
    return Disbursement(
        id="x",
        status=status,
        commitment="w",
        tranche=1,
        from_fund="g",
        to_party="me",
        currency="USD",
        amount_minor=400,
        **signed,
    )


REFUND = {"commitment": "w", "fund": "g", "party": "me", "currency": "USD", "amount_minor": 100}


def story() -> Story:
    """Return the bodies of a sound journal, from a party's name to a reversal."""
    paid = {"paid_minor": 400}
    accepted = {**paid, "accepted_minor": 300}
    claimed = {**accepted, "claimed_minor": 100}
    refunded = {**claimed, "refunded_minor": 100}
    return [
        body("party.register", Party(id="me", status="registered", name="Me")),
        body("fund.open", FUND),
        body(
            "commitment.sign",
            contribution("signed", 0),
            postings=(move("1200:c", "4100:c", 1000, 11),),
        ),
        body(
            "deposit.receive",
            deposit(0),
            contribution("received", 1000),
            postings=(move("1100:main", "1200:c", 1000, 1), move("9399", "9300:c", 1000)),
        ),
        body(
            "deposit.charge-fee",
            deposit(10),
            postings=(move("5400:d", "1100:main", 10, 4), move("9300:c", "9340", 10)),
        ),
        body("allocation.approve", envelope(600), postings=(move("9300:c", "9310:a", 600),)),
        body("commitment.sign", grant("signed"), postings=(move("9310:a", "9320:w", 600, 2),)),
        body("disbursement.request", payment("requested", "p"), grant("signed", "x"), key="p"),
        body(
            "disbursement.approve",
            payment("approved", "p", "q"),
            key="q",
            postings=(move("9320:w", "9330:w", 400), move("1300:w", "2200:w", 400)),
        ),
        body(
            "disbursement.release",
            payment("released", "p", "q", "r"),
            grant("active", "x", **paid),
            key="r",
            postings=(move("2200:w", "1100:main", 400, 3), move("9330:w", "9340:w", 400)),
        ),
        body(
            "report.accept",
            Report(
                id="r",
                status="accepted",
                commitment="w",
                fund="g",
                party="me",
                currency="USD",
                direct_minor=280,
                support_minor=20,
            ),
            grant("active", "x", **accepted),
            postings=(move("5100:w", "1300:w", 280), move("5500:w", "1300:w", 20)),
        ),
        body(
            "refund.claim",
            Refund(id="f", status="due", **REFUND),
            grant("active", "x", **claimed),
            postings=(move("1500:w", "1300:w", 100),),
        ),
        body(
            "refund.receive",
            Refund(id="f", status="received", **REFUND),
            grant("active", "x", **refunded),
            envelope(500),
            postings=(move("1100:main", "1500:w", 100, -3), move("9340:w", "9300:c", 100)),
        ),
        body("entry.post", postings=(move("1100:b", "1100:main", 5),)),
        body("entry.post", refusal={"code": "balance-floor", "detail": "Too little."}),
        body("record.reverse", postings=(move("1100:main", "1100:b", 5),), reverses="14"),
        body(
            "record.reverse",
            Refund(id="f", status="due", **REFUND),
            grant("active", "x", **claimed),
            envelope(600),
            postings=(move("9300:c", "9340:w", 100), move("1500:w", "1100:main", 100, 3)),
            reverses="13",
        ),
    ]


WHAT = {
    name: number
    for number, name in enumerate(
        (
            "party",
            "fund",
            "contribution",
            "deposit",
            "fee",
            "allocation",
            "grant",
            "request",
            "approve",
            "release",
            "report",
            "claim",
            "receive",
            "voucher",
            "refused",
            "back",
            "unreceive",
        )
    )
}


def records(bodies: Story) -> list[dict[str, Any]]:
    """Return whole records: places, chains and outcomes filled in where a body does not say."""
    made: list[dict[str, Any]] = []
    seen: dict[tuple[str, str], int] = {}
    for seq, told in enumerate(deepcopy(bodies), 1):
        told.setdefault("caused_by", f"{seq:032x}")
        for kind, states in told.get("sets", {}).items():
            for state in states:
                state.update(seq=str(seq), prev=str(seen.get((kind, state["id"]), 0)))
                seen[kind, state["id"]] = seq
        refused = "refusal" in told
        made.append(
            {
                "at": f"2026-03-02T10:00:00.{seq:06}Z",
                "body": told,
                "chain": [] if refused or told["verb"] == "party.register" else [{"fund": "g"}],
                "log": ORIGIN,
                "nonce": "AAAAAAAAAAAAAAAAAAAAAA",
                "outcome": "refused" if refused else "accepted",
                "seq": str(seq),
                "v": "1",
            }
        )
    return made


def sealed(made: list[dict[str, Any]]) -> list[bytes]:
    """Return the records' bytes, each linked to the one before in the fund's chain."""
    number, leaf, contents = 0, bytes(32).hex(), []
    for record in made:
        for link in record["chain"]:
            link.setdefault("seq", str(number + 1))
            link.setdefault("prev", leaf)
        contents.append(canonical(record))
        if record["chain"]:
            number, leaf = number + 1, sha256(b"\x00" + contents[-1]).hexdigest()
    return contents


def fold(contents: list[bytes], *, each: bool = False) -> Fold:
    made = Fold(ORIGIN, frozenset(range(len(contents) + 1)))
    for content in contents:
        made.feed(content)
        if each:
            made.finish()
    made.finish()
    return made


def found(contents: list[bytes]) -> tuple[str, int]:
    with pytest.raises(Differs) as caught:
        fold(contents)
    return caught.value.difference.check, caught.value.difference.seq


def test_a_sound_journal_folds_and_keeps_the_invariants_after_every_record() -> None:
    contents = sealed(records(story()))
    folded = fold(contents, each=True)
    assert folded.seq == len(contents) == len(WHAT)
    balances = {
        (tally.account.code, tally.account.subject): tally.net_minor
        for tally in folded.money.tallies.values()
        if tally.net_minor
    }
    assert balances["1100", "main"] == 1000 - 10 - 400
    assert balances["9300", "c"] == -(1000 - 10 - 600)
    assert balances["1500", "w"] == 100
    assert ("1100", "b") not in balances


# Bodies that no rule would have written, each with the check that finds it ------------------------

Change = Callable[[dict[str, Any]], None]


def state(told: dict[str, Any], kind: str) -> dict[str, Any]:
    found: dict[str, Any] = told["sets"][kind][0]
    return found


def put(noun: str, **fields: object) -> Change:
    return lambda told: state(told, noun).update(fields)


def say(**fields: object) -> Change:
    return lambda told: told.update(fields)


def post(*postings: dict[str, Any]) -> Change:
    return lambda told: told.update(postings=list(postings))


def signed(who: str, **fields: object) -> Change:
    """Let another person make the record."""

    def change(told: dict[str, Any]) -> None:
        told["actor"].update(key=who)
        state(told, "disbursement").update(fields)

    return change


def from_elsewhere(told: dict[str, Any]) -> None:
    """Credit the authority of a contribution that there is not."""
    told["postings"][1].update(credit=side("9300", "z"))


def dearer(told: dict[str, Any]) -> None:
    """Charge a fee of 11 on 1,000."""
    state(told, "deposit").update(fee_minor="11")
    told["postings"] = [move("5400:d", "1100:main", 11, 4), move("9300:c", "9340", 11)]


def unasked(told: dict[str, Any]) -> None:
    """Approve what nobody asked for."""
    told["verb"] = "disbursement.approve"
    state(told, "disbursement").update(status="approved")
    told["sets"].pop("commitment")


def double(told: dict[str, Any]) -> None:
    for posting in told["postings"]:
        posting["amount_minor"] = str(2 * int(posting["amount_minor"]))


BAD_BODIES: dict[str, tuple[str, Change, str]] = {
    "a verb that nobody knows": ("party", say(verb="party.invent"), "verb-unknown"),
    "a noun that the verb does not set": ("party", say(verb="fund.open"), "state-verb"),
    "a noun with a field that it does not have": (
        "party",
        lambda told: state(told, "party").update(colour="green"),
        "record-form",
    ),
    "a noun with a field too many": ("party", put("party", colour="red"), "record-form"),
    "a kind that is no noun": ("party", say(sets={"planet": [{"id": "x"}]}), "record-form"),
    "a steward whom nobody registered": ("fund", put("fund", steward="them"), "state-reference"),
    "a fund opened twice": (
        "contribution",
        say(verb="fund.open", sets={"fund": [plain_struct(FUND)]}, postings=[]),
        "state-machine",
    ),
    "books of others that no import made": ("fund", put("fund", reported=True), "state-verb"),
    "a status that nothing leads to": ("party", put("party", status="confirmed"), "state-machine"),
    "a day outside the fund's": ("contribution", say(effective_on="2027-01-01"), "posting-period"),
    "a currency that is not the fund's": (
        "voucher",
        post(
            {
                "debit": ["g", "FIN", "1100", "EUR", "b"],
                "credit": ["g", "FIN", "1100", "EUR", "main"],
                "amount_minor": "5",
            }
        ),
        "posting-currency",
    ),
    "two funds in one posting": (
        "voucher",
        post(
            {
                "debit": side("1100", "b"),
                "credit": ["n", "FIN", "1100", "USD", "main"],
                "amount_minor": "5",
            }
        ),
        "posting-mixed",
    ),
    "two books in one posting": ("voucher", post(move("1100:b", "9300:c", 5)), "posting-mixed"),
    "an account against itself": ("voucher", post(move("1100:b", "1100:b", 5)), "posting-mixed"),
    "an account that the chart does not have": (
        "voucher",
        post(move("1100:b", "1199", 5)),
        "posting-verb",
    ),
    "two memo groups in one posting": ("voucher", post(move("9399", "9190:c", 5)), "posting-verb"),
    "a voucher on an account of the verbs": (
        "voucher",
        post(move("5100:w", "1300:w", 5)),
        "posting-verb",
    ),
    "a voucher that reports to IATI": (
        "voucher",
        post(move("1100:b", "1100:main", 5, 4)),
        "posting-verb",
    ),
    "an amount of zero": ("voucher", post(move("1100:b", "1100:main", 0)), "record-form"),
    "an amount below zero": ("voucher", post(move("1100:b", "1100:main", -5)), "record-form"),
    "more than there is": ("voucher", post(move("1100:b", "1100:main", 691)), "balance-floor"),
    "more than there can be": (
        "voucher",
        post(
            move("1100:b", "4500", 2**63 - 1),
            move("9399", "9300:c", 2**63 - 1),
            move("1100:b", "4500", 1),
            move("9399", "9300:c", 1),
        ),
        "balance-overflow",
    ),
    "cash without authority": ("voucher", post(move("1100:b", "4500", 5)), "invariant-3"),
    "a movement that the verb does not make": (
        "allocation",
        post(move("9300:c", "9320:w", 600)),
        "posting-verb",
    ),
    "a wrong IATI type": (
        "release",
        lambda told: told["postings"][0].update(iati="4"),
        "posting-verb",
    ),
    "less money than the state says": (
        "allocation",
        post(move("9300:c", "9310:a", 599)),
        "states-and-accounts",
    ),
    "money from another contribution": ("deposit", from_elsewhere, "states-and-accounts"),
    "a fee above the rate": ("fee", dearer, "invariant-8"),
    "a deposit that begins with a fee": ("deposit", put("deposit", fee_minor="1"), "state-machine"),
    "a deposit that is not worth its rate": (
        "deposit",
        put("deposit", original_minor="999"),
        "state-amounts",
    ),
    "a field that the verb leaves alone": (
        "fee",
        put("deposit", bank_account="other"),
        "state-field",
    ),
    "a share below zero": (
        "allocation",
        put("allocation", shares=[{"amount_minor": "-600", "contribution": "c"}]),
        "invariant-7",
    ),
    "tranches that are not the amount": (
        "grant",
        lambda told: state(told, "commitment")["tranches"].pop(),
        "invariant-9",
    ),
    "a schedule that skips a number": (
        "grant",
        lambda told: state(told, "commitment")["tranches"][1].update(number="3"),
        "invariant-9",
    ),
    "a contribution to no fund": ("contribution", put("commitment", to_fund=""), "state-reference"),
    "a contribution on an account that is no income": (
        "contribution",
        put("commitment", income="1234"),
        "state-reference",
    ),
    "a kind of commitment that is none": (
        "contribution",
        put("commitment", kind="gift"),
        "state-reference",
    ),
    "a rate that is none": (
        "deposit",
        put("deposit", rate="NaN", original_currency="EUR"),
        "state-amounts",
    ),
    "a grant from no allocation": ("grant", put("commitment", allocation="b"), "state-reference"),
    "a tranche that is not the disbursement's": (
        "request",
        put("disbursement", amount_minor="399"),
        "states-and-accounts",
    ),
    "a request in another's name": (
        "request",
        put("disbursement", requested_by="q"),
        "state-machine",
    ),
    "a request approved as it is made": (
        "request",
        put("disbursement", approved_by="q"),
        "state-machine",
    ),
    "a request for another grantee": (
        "request",
        put("disbursement", to_party=""),
        "state-reference",
    ),
    "an approval without a request": ("request", unasked, "state-machine"),
    "an approval by who requested": ("approve", signed("p", approved_by="p"), "four-eyes"),
    "an approval on another day": (
        "approve",
        put("disbursement", approved_on="2026-03-03"),
        "state-machine",
    ),
    "a payment by who approved": ("release", signed("q", released_by="q"), "four-eyes"),
    "a payment of twice the amount": ("release", double, "balance-floor"),
    "a payment that the commitment does not count": (
        "release",
        put("commitment", paid_minor="399"),
        "states-and-accounts",
    ),
    "more paid than agreed": ("release", put("commitment", paid_minor="601"), "invariant-5"),
    "a status that the amounts deny": (
        "release",
        put("commitment", status="closed"),
        "state-machine",
    ),
    "more accepted than paid": ("report", put("commitment", accepted_minor="401"), "invariant-5"),
    "a report that the commitment does not count": (
        "report",
        put("commitment", accepted_minor="299"),
        "states-and-accounts",
    ),
    "a refund received before it is due": (
        "claim",
        put("refund", status="received"),
        "state-machine",
    ),
    "a refund to another contribution": ("receive", from_elsewhere, "states-and-accounts"),
    "a mirror with another amount": ("back", post(move("1100:main", "1100:b", 4)), "reversal"),
    "a mirror the wrong way round": ("back", post(move("1100:b", "1100:main", 5)), "reversal"),
    "a mirror of another record": ("back", say(reverses="13"), "reversal"),
    "a mirror of a refusal": ("back", say(reverses="15"), "reversal"),
    "a mirror of what is yet to come": ("back", say(reverses="99"), "reversal"),
    "a mirror of nothing": ("back", lambda told: told.pop("reverses"), "reversal"),
    "a mirror that forgets a noun": (
        "unreceive",
        lambda told: told["sets"].pop("allocation"),
        "reversal",
    ),
    "a mirror that changes a noun": ("unreceive", put("refund", amount_minor="99"), "reversal"),
    "a reversal by a verb that is none": ("voucher", say(reverses="4"), "reversal"),
    "a second mirror of one record": (
        "unreceive",
        say(sets={}, postings=[move("1100:main", "1100:b", 5)], reverses="14"),
        "reversal",
    ),
    "an actor without a role": ("party", lambda told: told["actor"].pop("role"), "record-form"),
    "a day that no calendar has": ("party", say(effective_on="2026-02-30"), "record-form"),
    "a key's hash that is too short": ("party", say(caused_by="ab"), "record-form"),
    "a refusal that moves money": (
        "refused",
        post(move("1100:b", "1100:main", 5)),
        "record-refusal",
    ),
    "a refusal without a reason": ("refused", say(refusal={"code": "x"}), "record-refusal"),
}


@pytest.mark.parametrize("what", BAD_BODIES)
def test_a_body_that_no_rule_would_write_is_found(what: str) -> None:
    name, change, check = BAD_BODIES[what]
    bodies = story()
    change(bodies[WHAT[name]])
    assert found(sealed(records(bodies))) == (check, WHAT[name] + 1)


def test_a_payment_without_approval_is_found() -> None:
    bodies = story()
    del bodies[WHAT["approve"]]
    assert found(sealed(records(bodies))) == ("state-machine", WHAT["release"])


def test_a_record_cannot_be_taken_back_once_its_nouns_have_changed() -> None:
    bodies = story()[: WHAT["receive"]]
    restored = grant("active", "x", paid_minor=400)
    report = plain_struct(
        Report(
            id="r",
            status="reversed",
            commitment="w",
            fund="g",
            party="me",
            currency="USD",
            direct_minor=280,
            support_minor=20,
        )
    )
    back = body(
        "record.reverse",
        restored,
        reverses="11",
        postings=(move("1300:w", "5500:w", 20), move("1300:w", "5100:w", 280)),
    )
    back["sets"]["report"] = [report]
    assert found(sealed(records([*bodies, back]))) == ("reversal", len(bodies) + 1)


# Records that are sound inside and wrong outside --------------------------------------------------


BAD_RECORDS: dict[str, tuple[str, Change, str]] = {
    "another trail's": ("fund", say(log="mfm/other"), "record-log"),
    "another place": ("fund", say(seq="3"), "record-seq"),
    "a place with a zero before it": ("fund", say(seq="02"), "record-seq"),
    "an earlier instant": ("fee", say(at="2026-03-02T10:00:00.000001Z"), "record-clock"),
    "an instant that no clock shows": ("fee", say(at="2026-03-02T25:00:00.000000Z"), "record-form"),
    "an instant in another form": ("fee", say(at="2026-03-02T10:00:01Z"), "record-form"),
    "an unknown version": ("fee", say(v="2"), "record-form"),
    "a field too many": ("fee", say(more="x"), "record-form"),
    "a nonce that is too short": ("fee", say(nonce="AAAA"), "record-form"),
    "a refusal that calls itself accepted": ("refused", say(outcome="accepted"), "record-refusal"),
    "a decision that calls itself refused": ("voucher", say(outcome="refused"), "record-refusal"),
    "a skipped number in the chain": (
        "fee",
        lambda record: record["chain"][0].update(seq="9"),
        "record-chain",
    ),
    "another leaf in the chain": (
        "fee",
        lambda record: record["chain"][0].update(prev="ab" * 32),
        "record-chain",
    ),
    "money outside the fund's chain": ("fee", say(chain=[]), "record-chain"),
    "a fund twice in the chain": ("fee", say(chain=[{"fund": "g"}, {"fund": "g"}]), "record-chain"),
    "a reversal outside the chain": (
        "unreceive",
        say(chain=[{"fund": "g"}, {"fund": "h", "seq": "1", "prev": "00" * 32}]),
        "reversal",
    ),
    "a key with a dash": (
        "fee",
        lambda record: record["body"].update(facts={"a-b": "x"}),
        "record-bytes",
    ),
    "a number": (
        "fee",
        lambda record: record["body"].update(facts={"deep": [{"down": 7}]}),
        "record-bytes",
    ),
    "a fraction": (
        "fee",
        lambda record: record["body"].update(facts={"rate": 0.5}),
        "record-bytes",
    ),
    "a number for a place": ("fund", say(seq=2), "record-bytes"),
    "a noun that names another record": (
        "fund",
        lambda record: state(record["body"], "fund").update(seq="1"),
        "state-link",
    ),
    "a noun that names another past": (
        "fee",
        lambda record: state(record["body"], "deposit").update(prev="0"),
        "state-link",
    ),
}


@pytest.mark.parametrize("what", BAD_RECORDS)
def test_a_record_that_is_wrong_outside_is_found(what: str) -> None:
    name, change, check = BAD_RECORDS[what]
    made = records(story())
    change(made[WHAT[name]])
    assert found(sealed(made)) == (check, WHAT[name] + 1)


BYTES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "a space": (lambda content: content.replace(b'":"', b'": "', 1), "record-canonical"),
    "an escaped letter": (
        lambda content: content.replace(b'"accepted"', b'"\\u0061ccepted"'),
        "record-canonical",
    ),
    "keys in another order": (
        lambda content: content.replace(b',"seq":"2","v":"1"}', b',"v":"1","seq":"2"}'),
        "record-canonical",
    ),
    "a key told twice": (
        lambda content: content.replace(b',"v":"1"}', b',"v":"1","v":"1"}'),
        "record-canonical",
    ),
    "half a record": (lambda content: content[:-1], "record-bytes"),
    "nothing": (lambda _: b"", "record-bytes"),
    "too much": (lambda content: content.replace(b"Global", b"Global" * 3000), "record-bytes"),
    "too deep": (
        lambda content: content.replace(b'"Global"', b"[" * 7000 + b"]" * 7000),
        "record-bytes",
    ),
    "bytes that are no text": (
        lambda content: content.replace(b"Global", b"Gl\xffbal"),
        "record-bytes",
    ),
    "a lone surrogate": (
        lambda content: content.replace(b"Global", b"Gl\\ud800bal"),
        "record-bytes",
    ),
    "a list": (lambda _: b'["accepted"]', "record-form"),
}


@pytest.mark.parametrize("what", BYTES)
def test_bytes_that_are_not_canonical_are_found(what: str) -> None:
    change, check = BYTES[what]
    contents = sealed(records(story()))
    changed = change(contents[1])
    assert changed != contents[1]
    contents[1] = changed
    assert found(contents) == (check, 2)


def test_records_out_of_their_order_are_found() -> None:
    contents = sealed(records(story()))
    contents[5], contents[6] = contents[6], contents[5]
    assert found(contents) == ("record-seq", 6)
    assert found(sealed(records(story()))[1:]) == ("record-seq", 1)


def test_a_reversal_that_the_tables_do_not_know_is_found() -> None:
    contents = sealed(records(story()))
    made = Fold(ORIGIN, frozenset({13}))  # 14 is taken back too
    for content in contents[: WHAT["back"]]:
        made.feed(content)
    with pytest.raises(Differs, match="reversal"):
        made.feed(contents[WHAT["back"]])


def shift(folded: Fold, debit: str, credit: str = "") -> None:
    """Move one minor unit, of accounts told as `code:subject`, past all checks."""
    for name, up in ((debit, 1), (credit, -1)):
        if not name:
            continue
        account = Account(*side(*name.split(":")))
        tally = folded.money.tallies.setdefault(account, Tally(99, account, floored=False))
        tally.debit_minor += up == 1
        tally.credit_minor += up == -1


def set_row(folded: Fold, row: Noun) -> None:
    folded.states.rows[KINDS[type(row)]][row.id] = row


TRANSFER = Commitment(
    id="t",
    status="active",
    kind="transfer",
    from_fund="g",
    to_fund="g",
    currency="USD",
    amount_minor=1,
    paid_minor=1,
    allocation="a",
    tranches=(Tranche(1, 1),),
)
UNTRANCHED = structs.replace(
    grant("active", paid_minor=400, accepted_minor=300, claimed_minor=100), tranches=()
)
MOVING = structs.replace(
    payment("released"), id="y", commitment="t", to_fund="g", to_party="", amount_minor=1
)
BREAKS: list[Callable[[Fold], None]] = [
    lambda folded: shift(folded, "1100:main"),
    lambda folded: shift(folded, "9399", "9190:p"),
    lambda folded: shift(folded, "1100:main", "5400:d"),
    lambda folded: shift(folded, "1300:w", "2200:w"),
    lambda folded: shift(folded, "1300:w", "5400:d"),
    lambda folded: (set_row(folded, TRANSFER), set_row(folded, MOVING))[0],
    lambda folded: set_row(folded, envelope(601)),
    lambda folded: shift(folded, "5400:d", "5100:w"),
    lambda folded: set_row(folded, UNTRANCHED),
    lambda folded: folded.money.cash_flow.clear(),
    lambda folded: set_row(folded, TRANSFER),
]
"""What breaks each invariant, from the first to the eleventh, and none before it."""


@pytest.mark.parametrize("number", range(1, 12))
def test_each_invariant_is_held_over_all_books_by_itself(number: int) -> None:
    folded = fold(sealed(records(story())[: WHAT["receive"]]))
    BREAKS[number - 1](folded)
    with pytest.raises(Differs, match=f"^invariant-{number} "):
        folded.finish()
