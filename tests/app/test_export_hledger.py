"""The books for hledger: its check and its balances agree with our trial balance."""

import csv
import shutil
import subprocess
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mfm.app import export
from mfm.core.errors import Invalid
from mfm.core.money import decimal_text
from mfm.core.moved import Moved
from mfm.core.permissions import Actor
from mfm.formats import hledger
from mfm.store import database
from tests.app.exporting import exported
from tests.app.importing import DATA, Imports, activity, published, said
from tests.app.playing import sound
from tests.support import Books

pytestmark = pytest.mark.anyio
HLEDGER = shutil.which("hledger")
needs_hledger = pytest.mark.skipif(
    HLEDGER is None, reason="no hledger here: apt-get install hledger"
)
needs_real = pytest.mark.skipif(
    not (DATA / "iati-real").is_dir(), reason=f"no published files in {DATA}"
)
Balances = dict[tuple[str, str], Decimal]


def told(path: Path, *words: str) -> str:
    """Run hledger on a journal."""
    done = subprocess.run(
        [str(HLEDGER), "-f", str(path), *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def balances(path: Path) -> Balances:
    """Return hledger's own balances: (account, symbol) -> amount; zeros left out."""
    words = ("bal", "--flat", "-N", "-O", "csv", "--layout=bare")
    rows = list(csv.reader(told(path, *words).splitlines()))[1:]
    return {(name, unit): Decimal(amount) for name, unit, amount in rows if Decimal(amount)}


async def kept(books: Books, fund: str = "") -> Balances:
    """Return the ledger's balances under the names that the journal has."""
    connection = await database.connect(books.url, "mfm_auditor", books.mechanism.id)
    rows = await connection.fetch(
        "SELECT fund, code, subject, currency, debit_minor - credit_minor FROM account"
        " JOIN balance USING (mechanism_id, account_id) WHERE $1 IN ('', fund)",
        fund,
    )
    await connection.close()
    return {
        (hledger.account(*row[:3]), row[3]): Decimal(decimal_text(row[4], row[3]))
        for row in rows
        if row[4]
    }


async def written(books: Books, folder: Path, fund: str = "") -> Path:
    """Write the journal of a mechanism's books."""
    path = folder / "books.journal"
    path.write_bytes((await exported(books, fund, make=export.journal))[0])
    return path


@needs_hledger
@pytest.mark.parametrize("fund", ["", "g", "n"])
async def test_the_worked_examples_balances_agree(books: Books, tmp_path: Path, fund: str) -> None:
    await books.chain()
    path = await written(books, tmp_path, fund)
    told(path, "check")
    told(path, "check", "--strict")
    assert balances(path) == await kept(books, fund)
    await sound(books)


@needs_hledger
@needs_real
@pytest.mark.parametrize("name", ["women-and-peace-orgs.xml", "actionaid-uk-power.xml"])
async def test_imported_books_balances_agree(books: Books, tmp_path: Path, name: str) -> None:
    await Imports(books, tmp_path).bring(DATA / "iati-real" / name)
    path = await written(books, tmp_path)
    told(path, "check", "--strict")
    assert balances(path) == await kept(books)


async def test_the_journal_says_what_the_records_say(books: Books) -> None:
    await books.chain()
    text = (await exported(books, make=export.journal))[0].decode()
    assert text.startswith("; The books of tests, up to record 26.\n")
    assert "\ncommodity 1000.00 USD\n" in text
    assert "\naccount g:FIN:1100 Cash at bank:main  ; type:A\n" in text
    assert (
        "\n2026-03-02 (9) pledge.lapse  ; verb:pledge.lapse\n"
        "    g:BUD:9190 Pledge control:p  200000.00 USD  ; iati:-13\n"
        "    g:BUD:9100 Pledges outstanding:p  -200000.00 USD  ; iati:-13\n"
    ) in text


async def test_who_may_export_what(books: Books) -> None:
    await books.chain()
    bound = Actor("agent", "preparer", "k", "n")
    text = (await exported(books, actor=bound, make=export.journal))[0].decode()
    assert "n:FIN:" in text
    assert "g:FIN:" not in text
    with pytest.raises(Invalid) as raised:
        await exported(books, "g", bound, make=export.journal)
    assert raised.value.code == "fund-not-allowed"
    with pytest.raises(Invalid) as raised:
        await exported(books, actor=Actor("donor", "donor", "k"), make=export.journal)
    assert raised.value.code == "role-not-allowed"


@needs_hledger
async def test_what_others_wrote_cannot_write_a_posting(books: Books, tmp_path: Path) -> None:
    """Types and currencies of imported books are anybody's words; they stay words."""
    evil = 'X"&#10;2020-01-01 evil&#10;  a  1 USD&#10;  b&#10;'
    own = f'<value currency="{evil.replace(chr(34), "&quot;")}">1.00</value>'
    one = said(value="1.00").replace("<value>1.00</value>", own)
    two = said("D").replace('code="D"', 'code="D, x:y ; z&#10;2020"')
    three = said(currency="E U")
    await Imports(books, tmp_path).bring(published(activity(one, two, three)))
    path = await written(books, tmp_path)
    told(path, "check", "--strict")
    rows = list(csv.reader(told(path, "print", "-O", "csv").splitlines()))
    assert len(rows) == 1 + 2 * 3
    assert {row[1] for row in rows[1:]} == {"2020-01-05"}
    found = {unit for _, unit in balances(path)}
    assert found == {"EUR", "E U", "X%22%0A2020-01-01 evil%0A  a  1 USD%0A  b%0A"}


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@needs_hledger
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    subjects=st.lists(TEXTS, min_size=1, max_size=4, unique=True),
    symbols=st.lists(TEXTS, min_size=1, max_size=3, unique=True),
    amounts=st.lists(st.integers(1, 2**63 - 1), min_size=1, max_size=4),
    kind=TEXTS,
)
def test_any_name_stays_one_name(
    tmp_path: Path, subjects: list[str], symbols: list[str], amounts: list[int], kind: str
) -> None:
    rows = [
        Moved(
            seq=seq,
            line=0,
            on=date(2020, 1, 5),
            verb="entry.post",
            iati_type=kind,
            iati_sign=-1,
            amount_minor=amount,
            fund="f",
            currency=symbol,
            debit="1100",
            debit_subject=subject,
            credit="3100",
            credit_subject="",
        )
        for seq, (subject, symbol, amount) in enumerate(
            (one, two, three) for one in subjects for two in symbols for three in amounts
        )
    ]
    names = [("f", "1100", each) for each in subjects] + [("f", "3100", "")]
    path = tmp_path / "names.journal"
    text = hledger.title("x", 1) + hledger.commodities(symbols) + hledger.accounts(names)
    path.write_text(text + hledger.transactions(rows), "utf-8")
    told(path, "check", "--strict")
    found = balances(path)
    for subject in subjects:
        name = hledger.account("f", "1100", subject)
        for symbol in symbols:
            unit = hledger.symbol(symbol).strip('"')
            assert found[name, unit] == Decimal(decimal_text(sum(amounts), symbol))


@needs_hledger
async def test_every_currency_has_its_decimals(books: Books, tmp_path: Path) -> None:
    await Imports(books, tmp_path).bring(
        published(
            activity(said(currency="JPY", value="7"), said(currency="KWD", value="1.005")),
        )
    )
    path = await written(books, tmp_path)
    told(path, "check", "--strict")
    assert balances(path) == await kept(books)
    assert "commodity 1000. JPY" in path.read_text("utf-8")
    assert "1.005 KWD" in path.read_text("utf-8")
