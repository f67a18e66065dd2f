"""Bank lines and the books: sound pairs, in any order the same; reconciliations that add up."""

from collections.abc import Sequence
from datetime import date, timedelta
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import convert, structs

from mfm.core import bank, bank_lines, verify_bank
from mfm.core.bank import BankLine, BankMatch, BankStatement, ImportBankStatement
from mfm.core.bank_lines import BankMatchTerm, MatchBankLines, UnmatchBankLine
from mfm.core.bank_matching import (
    DAYS_APART,
    DAYS_APART_REFERENCED,
    BankEntry,
    BookEntry,
    days_apart,
    names_of,
    propose,
    words_of,
)
from mfm.core.errors import Invalid, Problem, Refused
from mfm.core.funds import Fund
from mfm.core.money import decimal_text, signed_minor
from mfm.core.permissions import Actor
from mfm.core.reconciliation import BankAccount, opening_records, reconcile
from mfm.core.terms import Act
from mfm.core.verify_form import Differs, Side

DAY = date(2026, 3, 1)
ACT = Act(Actor("agent", "preparer", "k"), DAY)
FUND = Fund(id="g", status="open", name="Fund", currency="USD")

days = st.integers(0, 40).map(lambda n: DAY + timedelta(days=n))
amounts = st.integers(-5, 5).filter(bool)
names = st.sets(st.sampled_from(["grant-1", "grant-2", "trip-33"]), max_size=2).map(frozenset)


@st.composite
def both(draw: st.DrawFn) -> tuple[list[BankEntry], list[BookEntry]]:
    told = draw(st.lists(st.tuples(days, amounts, names), max_size=8))
    lines = [BankEntry("s", at, *each) for at, each in enumerate(told, 1)]
    told = draw(st.lists(st.tuples(days, amounts, names), max_size=8))
    return lines, [BookEntry(100 + at, *each) for at, each in enumerate(told)]


@given(both(), st.randoms())
def test_pairs_are_one_to_one_sound_and_the_same_in_any_order(
    told: tuple[list[BankEntry], list[BookEntry]], chance: Random
) -> None:
    lines, records = told
    pairs = propose(lines, records)
    assert len({line[:2] for line, _ in pairs}) == len(pairs)
    assert len({entry.record for _, entry in pairs}) == len(pairs)
    for line, entry in pairs:
        assert line.amount_minor == entry.amount_minor
        named = line.words & entry.names
        assert days_apart(line, entry) <= (DAYS_APART_REFERENCED if named else DAYS_APART)
    mixed, other = list(lines), list(records)
    chance.shuffle(mixed)
    chance.shuffle(other)
    assert propose(mixed, other) == pairs


@given(both())
def test_no_plain_pair_is_left(told: tuple[list[BankEntry], list[BookEntry]]) -> None:
    lines, records = told
    pairs = propose(lines, records)
    met = {line[:2] for line, _ in pairs}, {entry.record for _, entry in pairs}
    free = [line for line in lines if line[:2] not in met[0]]
    left = [entry for entry in records if entry.record not in met[1]]
    for line in free:
        for entry in left:
            close = days_apart(line, entry) <= DAYS_APART
            silent = not any(line.words & each.names for each in records)
            unnamed = not any(each.words & entry.names for each in lines)
            same = line.amount_minor == entry.amount_minor
            assert not (same and close and silent and unnamed)


def test_a_reference_says_more_than_a_day() -> None:
    lines = [BankEntry("s", 1, DAY, -100, words_of("E2E/grant-2 of March"))]
    records = [
        BookEntry(1, DAY, -100, names_of(["grant-1"])),
        BookEntry(2, DAY + timedelta(days=30), -100, names_of(["grant-2", "dw"])),
    ]
    assert [(line.number, entry.record) for line, entry in propose(lines, records)] == [(1, 2)]
    other = [records[1]._replace(amount_minor=-90), records[0]]
    assert propose(lines, other) == []  # it names a record of another amount


# Pages --------------------------------------------------------------------------------------------


def page(number: int, opening: int, amounts_: list[int], **more: Any) -> BankStatement:  # noqa: ANN401  # any field
    lines = tuple(BankLine(at, DAY, amount) for at, amount in enumerate(amounts_, 1))
    fields: dict[str, Any] = {
        "id": f"s{number}",
        "status": "open" if lines else "matched",
        "fund": "g",
        "bank_account": "main",
        "currency": "USD",
        "file": "f",
        "page": number,
        "pages": 9,
        "opened_on": DAY,
        "closed_on": DAY + timedelta(days=30),
        "opening_minor": opening,
        "closing_minor": opening + sum(amounts_),
        "lines": lines,
    }
    return BankStatement(**(fields | more))


@given(
    st.integers(-1_000, 1_000),
    st.lists(st.lists(st.tuples(days, amounts), max_size=5), min_size=1, max_size=4),
    st.lists(st.tuples(days, amounts), max_size=8),
    days,
    st.lists(st.integers(-3, 3), max_size=4),
)
def test_the_reconciliation_adds_up_on_any_day(
    opening: int,
    pages_: list[list[tuple[date, int]]],
    moved: list[tuple[date, int]],
    as_of: date,
    off: list[int],
) -> None:
    """Book balance less and plus what is outstanding is the bank's, but for what it leaves out."""
    records = [BookEntry(100 + at, *each) for at, each in enumerate(moved)]
    free = {entry.record: entry for entry in records}
    pages, balance = [], opening
    for number, told in enumerate(pages_, 1):
        lines, matches = [], []
        for at, (day, amount) in enumerate(told, 1):
            on = min(day, DAY + timedelta(days=30))
            fit = next((e for e in free.values() if e.amount_minor == amount), None)
            lines.append(BankLine(at, on, amount, "", at if fit else 0))
            if fit is not None:
                matches.append(BankMatch(at, fit.record))
                del free[fit.record]
        made = page(number, balance, [], lines=tuple(lines), matches=tuple(matches))
        balance += sum(line.amount_minor for line in lines)
        closing = balance + (off[number - 1] if number <= len(off) else 0)
        pages.append(structs.replace(made, closing_minor=closing, status=bank.standing(made)))
        balance = closing
    account = BankAccount("g", "main", "USD", pages, records)
    told_ = reconcile(account, as_of)

    def minor(text: str) -> int:
        return signed_minor(text, "USD")

    assert minor(told_.unexplained) == sum(off[: len(pages)])
    explained = (minor(told_.book_balance) - minor(told_.outstanding_records)) + minor(
        told_.outstanding_lines
    )
    assert minor(told_.bank_balance) == explained + minor(told_.unexplained)
    codes = [found.code for found in told_.findings]
    assert codes.count("statement-sum") == sum(map(bool, off[: len(pages)]))
    assert codes.count("not-in-bank") == len(told_.not_in_bank)


def test_gaps_and_days_are_found() -> None:
    lines = (BankLine(1, DAY, -100, "grant-77", 1), BankLine(2, DAY, 7, "grant-78"))
    one = page(1, 500, [], lines=lines, matches=(BankMatch(1, 5),), closing_minor=407)
    two = page(2, 400, [])
    records = [
        BookEntry(5, DAY - timedelta(days=20), -100),
        BookEntry(6, DAY, 9, names_of(["grant-78"])),
    ]
    made = reconcile(BankAccount("g", "main", "USD", [one, two], records), DAY)
    found = {(each.code, each.line, each.record) for each in made.findings}
    assert found == {
        ("statement-gap", 0, 0),
        ("date-differs", 1, 5),
        ("not-in-books", 0, 0),  # the opening balance
        ("amount-differs", 2, 6),
        ("not-in-bank", 0, 6),
    }
    assert made.unexplained == "-0.07"
    assert made.matched_lines == 1


def test_an_opening_balance_is_all_that_came_before() -> None:
    before = [BookEntry(1, DAY - timedelta(days=9), 300), BookEntry(2, DAY - timedelta(days=1), 4)]
    account = BankAccount("g", "main", "USD", [page(1, 304, [])], [*before, BookEntry(3, DAY, 5)])
    assert opening_records(account) == [1, 2]
    assert opening_records(structs.replace(account, pages=[page(1, 300, [])])) == []


# Verbs --------------------------------------------------------------------------------------------


def statement(**fields: Any) -> ImportBankStatement:  # noqa: ANN401  # any field
    told: dict[str, Any] = {
        "fund": "g",
        "currency": "USD",
        "opened_on": "2026-03-01",
        "closed_on": "2026-03-31",
        "opening": "0",
        "closing": "-5.00",
        "lines": [{"booked_on": "2026-03-02", "amount": "-5.00", "reference": "x"}],
    }
    return convert(told | fields, ImportBankStatement)


def code_of(fault: pytest.ExceptionInfo[Problem]) -> tuple[str, str]:
    return fault.value.code, fault.value.pointer


@pytest.mark.parametrize(
    ("fields", "code", "pointer"),
    [
        ({"currency": "EUR"}, "currency-not-fund", "/currency"),
        ({"page": 3, "pages": 2}, "statement-page", "/page"),
        ({"closed_on": "2026-02-01"}, "statement-dates", "/closed_on"),
        ({"opening": "1,5"}, "amount-malformed", "/opening/amount"),
        (
            {"lines": [{"booked_on": "2026-03-02", "amount": "0.00"}]},
            "amount-zero",
            "/lines/0/amount",
        ),
        (
            {"lines": [{"booked_on": "2026-04-02", "amount": "1"}]},
            "statement-dates",
            "/lines/0/booked_on",
        ),
    ],
)
def test_a_page_that_makes_no_sense_is_invalid(
    fields: dict[str, Any], code: str, pointer: str
) -> None:
    with pytest.raises(Invalid) as fault:
        bank.import_statement(ACT, statement(**fields), "s", FUND, [])
    assert code_of(fault) == (code, pointer)


def test_days_are_not_told_twice() -> None:
    first = bank.import_statement(ACT, statement(), "s1", FUND, []).sets[0]
    assert isinstance(first, BankStatement)
    april = statement(
        opened_on="2026-03-31", closed_on="2026-04-30", opening="-4.00", closing="-4.00", lines=[]
    )
    draft = bank.import_statement(ACT, april, "s2", FUND, [first])
    assert [each["code"] for each in draft.facts["findings"]] == ["statement-gap"]
    with pytest.raises(Refused) as fault:
        bank.import_statement(ACT, statement(file="a" * 64), "s3", FUND, [first])
    assert code_of(fault) == ("statement-overlap", "/opened_on")
    taken = structs.replace(first, opening_match=1)
    early = statement(opened_on="2026-01-01", closed_on="2026-01-31", lines=[])
    with pytest.raises(Refused) as fault:
        bank.import_statement(ACT, early, "s4", FUND, [taken])
    assert code_of(fault) == ("statement-order", "/opened_on")


def match(
    made: BankStatement,
    lines: list[int],
    records: list[int],
    others: Sequence[BankStatement] = (),
) -> BankStatement:
    books = {1: BookEntry(1, DAY, -5), 2: BookEntry(2, DAY, 3), 3: BookEntry(3, DAY, -2)}
    command = MatchBankLines(
        statement=made.id, matches=(BankMatchTerm(tuple(lines), tuple(records)),)
    )
    changed = bank_lines.match(ACT, command, made, books, others).sets[0]
    assert isinstance(changed, BankStatement)
    return changed


def test_lines_are_matched_and_taken_apart() -> None:
    made = page(1, -2, [-5, 3])
    one = match(made, [1], [1])
    assert (one.status, one.lines[0].match, one.matches) == ("open", 1, (BankMatch(1, 1),))
    both_ = match(one, [2], [2])
    assert both_.status == "matched"
    opened = match(both_, [0], [3])
    assert opened.opening_match == 3
    assert match(made, [1, 2], [3]).status == "matched"  # both together
    command = UnmatchBankLine(statement="s1", line=0)
    assert bank_lines.unmatch(ACT, command, opened).sets[0] == structs.replace(
        both_, matches=opened.matches[:2]
    )
    free = bank_lines.unmatch(ACT, UnmatchBankLine(statement="s1", line=1), both_).sets[0]
    assert isinstance(free, BankStatement)
    assert (free.status, [line.match for line in free.lines]) == ("open", [0, 2])


@pytest.mark.parametrize(
    ("lines", "records", "code"),
    [
        ([1], [2], "match-differs"),
        ([3], [1], "line-unknown"),
        ([1], [9], "match-record"),
        ([1, 1], [1], "match-repeated"),
        ([2], [2], "line-matched"),
        ([1], [3], "record-matched"),
        ([0], [1], "match-opening"),
    ],
)
def test_a_match_that_does_not_hold_is_told(
    lines: list[int], records: list[int], code: str
) -> None:
    made = page(2, -2, [-5, 3])
    earlier = page(1, 0, [-2], matches=(BankMatch(1, 3),))
    taken = structs.replace(
        made,
        lines=(made.lines[0], structs.replace(made.lines[1], match=1)),
        matches=(BankMatch(1, 77),),
    )
    with pytest.raises(Problem) as fault:
        match(taken, lines, records, others=[earlier])
    assert fault.value.code == code


def test_signed_amounts() -> None:
    assert [signed_minor(text, "USD") for text in ("0", "0.00", "-5", "5.5")] == [0, 0, -500, 550]
    for wrong in ("--5", "", "-", "1e5", "5.555", "1,5"):
        with pytest.raises(Invalid):
            signed_minor(wrong, "USD")


@given(st.integers(-(2**63) + 1, 2**63 - 1), st.sampled_from(["USD", "JPY", "KWD"]))
def test_signed_amounts_come_back(amount_minor: int, currency: str) -> None:
    assert signed_minor(decimal_text(amount_minor, currency), currency) == amount_minor


# Verification -------------------------------------------------------------------------------------


def told(seq: int, *moved: int) -> Any:  # noqa: ANN401  # a record, as far as it is looked at
    cash, other = FUND.account("1100", "main"), FUND.account("2900")
    sides = [
        Side(cash, other, amount, "", 1) if amount > 0 else Side(other, cash, -amount, "", 1)
        for amount in moved
    ]
    return SimpleNamespace(seq=seq, postings=sides)


def test_verification_holds_matches_against_what_moved() -> None:
    one = page(
        1,
        0,
        [],
        status="matched",
        lines=(BankLine(1, DAY, -5, "", 1), BankLine(2, DAY, 8, "", 1)),
        matches=(BankMatch(1, 7),),
        closing_minor=3,
    )
    fold = verify_bank.Bank()
    fold.take(told(7, 5, -2), [])
    fold.take(told(8), [(None, one)])
    twice = structs.replace(one, id="s2")
    with pytest.raises(Differs, match="bank-match"):
        fold.take(told(9), [(None, twice)])
    fold.take(told(10), [(one, structs.replace(one, status="reversed"))])
    fold.take(told(11), [(None, twice)])


@pytest.mark.parametrize(
    ("fields", "check"),
    [
        ({"status": "open"}, "bank-match"),
        ({"matches": (BankMatch(1, 6),)}, "bank-match"),
        ({"lines": (BankLine(1, DAY, 4, "", 1),)}, "bank-match"),
        ({"lines": (BankLine(2, DAY, 3, "", 1),)}, "bank-lines"),
        ({"lines": (BankLine(1, DAY - timedelta(days=1), 3, "", 1),)}, "bank-lines"),
        ({"opening_match": 1, "opening_minor": 1}, "bank-match"),
    ],
)
def test_verification_finds_what_is_wrong_with_a_page(fields: dict[str, Any], check: str) -> None:
    sound: dict[str, Any] = {
        "status": "matched",
        "lines": (BankLine(1, DAY, 3, "", 1),),
        "matches": (BankMatch(1, 7),),
    }
    fold = verify_bank.Bank()
    fold.take(told(7, 3), [])
    with pytest.raises(Differs, match=check):
        fold.take(told(8), [(None, page(1, 0, [], **(sound | fields)))])
    fold = verify_bank.Bank()
    fold.take(told(7, 3), [])
    fold.take(told(8), [(None, page(1, 0, [], **sound))])
