"""Commands as a user gives them: what they print, and how they end."""

from pathlib import Path

import pytest

from mfm.cli.main import parser
from tests.cli.terminal import Terminal, sentence

ON = ("--effective-on", "2026-03-02")
FILE = """<?xml version="1.0"?>
<iati-activities version="2.03" generated-datetime="2026-01-01T00:00:00Z">
<iati-activity default-currency="EUR">
<iati-identifier>XM-DAC-7-A1</iati-identifier>
<reporting-org ref="XM-DAC-7" type="10"><narrative>Ministry</narrative></reporting-org>
<title><narrative>Women mediators</narrative></title>
<activity-status code="2"/>
<transaction><transaction-type code="3"/><transaction-date iso-date="2025-05-01"/>
<value value-date="2025-05-01">1234.50</value></transaction>
<transaction><transaction-type code="3"/><transaction-date iso-date="2025-06-01"/>
<value value-date="2025-06-01">-34.505</value></transaction>
</iati-activity></iati-activities>
"""


def test_a_mechanism_is_made_by_hand_or_when_it_is_needed(terminal: Terminal) -> None:
    assert "no mechanism" in terminal.fails("verify", "--database")
    made = terminal.json("party", "register", "--id", "donor", "--name", "Donor")
    assert made["seq"] == 2  # the first adopts the policies
    assert made["ids"] == ["donor"]
    assert "mechanism-exists" in terminal.fails("init", "--mechanism", "main")
    assert "mechanism-unknown" in terminal.fails("totals", "--mechanism", "nowhere")
    assert "mechanism-name" in terminal.fails("init", "--mechanism", "No Such!")
    for origin in ("../Fund", "mfm-main"):  # the key of the second would be main's
        named = ("--mechanism", "third", "--origin", origin)
        assert "mechanism-origin" in terminal.fails("init", *named), origin


def test_a_chain_of_verbs(terminal: Terminal, tmp_path: Path) -> None:
    run = terminal.run
    for party in ("agent", "group"):
        assert run("party", "register", "--id", party, "--name", party).returncode == 0
    fund = ("--name", "Fund", "--tier", "global", "--currency", "USD", "--steward", "agent")
    told = run("fund", "open", "--id", "g", *fund)
    assert told.stdout.strip() == "Record 5: fund.open g"
    contribution = ("--from-party", "donor", "--to-fund", "g", "--amount", "1000.00 USD", *ON)
    assert run("commitment", "sign", "--id", "c", *contribution).returncode == 0
    money = ("--amount", "500.00 USD", *ON)
    told = run("deposit", "receive", "--id", "d", "--commitment", "c", *money)
    assert told.stdout.strip() == "Record 7: deposit.receive d"
    lines = (
        '[{"account":"5700","debit":{"amount":"7.00","currency":"USD"}},'
        '{"account":"1100","subject":"main","credit":{"amount":"7.00","currency":"USD"}},'
        '{"account":"9300","subject":"c","debit":{"amount":"7.00","currency":"USD"}},'
        '{"account":"9340","credit":{"amount":"7.00","currency":"USD"}}]'
    )
    post = ("entry", "post", "--fund", "g", "--lines", lines, *ON)
    first = terminal.json(*post, "--key", "bank-charges-1")
    assert first == {"seq": 8, "verb": "entry.post", "ids": []}
    assert terminal.json(*post, "--key", "bank-charges-1") == first

    statement = terminal.json("statement", "g")
    assert statement["fund"] == "g"
    assert statement["known_at"] == 8
    cash = [line for line in statement["trial_balance"]["FIN"] if line["code"] == "1100"]
    assert cash == [{"code": "1100", "name": "Cash at bank", "debit": "493.00", "credit": "0.00"}]
    earlier = terminal.json("statement", "g", "--known-at", "7")
    assert earlier["known_at"] == 7
    history = terminal.json("history", "g", "1100", "--subject", "main")
    assert [row["balance"] for row in history["rows"]] == ["500.00", "493.00"]
    totals = terminal.json("totals", "--by", "iati_type,currency")
    assert {"iati_type": "1", "currency": "USD", "amount": "500.00", "count": 1} in totals
    table, csv = terminal.each(("statement", "g"), ("statement", "g", "--csv"))
    assert "Cash at bank" in table.stdout
    assert csv.stdout.count(",") > 3


def test_the_books_of_the_chain_verify(terminal: Terminal) -> None:
    verified = terminal.json("verify", "--database")
    assert (verified["ok"], verified["records"]) == (True, 8)


def test_refusals_exit_1_and_are_recorded(terminal: Terminal) -> None:
    late = (
        "pledge",
        "announce",
        "--fund",
        "g",
        "--donor",
        "donor",
        "--amount",
        "5.00 USD",
        "--effective-on",
        "1960-01-01",
    )
    refused = terminal.json(*late, code=1)
    assert refused["refused"] == "period-closed"
    assert refused["seq"] == 9
    assert refused["next"].startswith("Use a day in the open period")
    done = terminal.run(*late)
    assert done.returncode == 1
    assert "period-closed" in done.stdout
    assert "record 10" in done.stdout
    assert refused["next"] in done.stdout


BAD: list[tuple[tuple[str, ...], str]] = [
    (("party", "register", "--id", "donor", "--name", "Again"), "id-taken"),
    (("party", "register", "--name", ""), "--name"),
    (("party", "register", "--id", "A!", "--name", "A"), "--id"),
    (("pledge", "announce", "--fund", "g", "--donor", "donor", "--amount", "5"), "currency"),
    (("pledge", "announce", "--fund", "g", "--donor", "donor", "--amount", "1e3 USD"), "1e3"),
    (("pledge", "announce", "--fund", "g", "--donor", "donor", "--amount", "1.005 USD"), "USD"),
    (("pledge", "announce", "--fund", "x", "--donor", "donor", "--amount", "1 USD"), "no fund"),
    (("pledge", "announce", "--fund", "x", "--donor", "d", "--amount", "1 USD"), "Check the id."),
    (("party", "register", "--name", "A", "--kind", "99"), "--kind: '99' is none"),
    (("party", "register", "--name", "A", "--identifier", "N/A"), "identifier-malformed"),
    (("entry", "post", "--fund", "g", "--lines", "["), "--lines"),
    (("entry", "post", "--fund", "g", "--lines", "{}"), "--lines"),
    (("record", "reverse", "--record", "x"), "--record"),
    (("statement", "nowhere"), "not-found"),
    (("statement", "g", "--as-of", "yesterday"), "no day"),
    (("statement", "g", "--known-at", "999999"), "999999"),
    (("totals", "--by", "nonsense"), "nonsense"),
    (("import", "iati", "/nowhere/at-all.xml"), "at-all.xml"),
    (("demo", "--mechanism", "main", "--port", "0"), "books of its own"),
    (("serve", "--host", "256.0.0.1", "--port", "0"), "port-unusable"),
    (("key", "create", "--role", "donor", "--party", "donor", "--days", "-3"), "--days"),
    (("key", "create", "--role", "donor", "--party", "donor", "--days", "99999999999"), "--days"),
    (("vote", "cast", "--motion", "m", "--seat", "s", "--choice", "maybe"), "for, against"),
]
"""What is wrong, and a word of the sentence that says so."""

WRONG: list[tuple[str, ...]] = [
    (),
    ("nonsense",),
    ("party",),
    ("party", "register"),
    ("serve", "--port", "99999"),
    ("demo", "--once", "--scale", "0"),
    ("demo", "--scale", "x"),
    ("verify",),
    ("key", "create", "--role", "operator", "--party", "agent"),
    ("import", "iati"),
]


def test_bad_input_exits_2_with_a_sentence(terminal: Terminal) -> None:
    ends = terminal.each(*(args for args, _ in BAD))
    for (args, word), done in zip(BAD, ends, strict=True):
        said = sentence(done)
        assert word in said, args
        assert said.startswith("mfm: "), args
        assert said.startswith("mfm: "), args
        assert len(said.splitlines()) == 2, args  # what is wrong, and what to do


def test_help_says_what_an_option_takes(capsys: pytest.CaptureFixture[str]) -> None:
    made = parser()
    for words, told in (
        ("allocation approve", "a JSON object: scheme, score, version"),
        ("commitment sign", "a JSON list of objects: amount, due_on, report_due_on"),
        ("commitment sign", "--conditional VALUE true | false"),
        ("call draft", "a JSON list of grassroots | local"),
        ("party register", "10 government"),
    ):
        with pytest.raises(SystemExit):
            made.parse_args([*words.split(), "--help"])
        assert told in " ".join(capsys.readouterr().out.split()), words


def test_a_wrong_command_line_exits_2_with_the_usage(terminal: Terminal) -> None:
    for done in terminal.each(*WRONG):
        assert sentence(done).startswith("usage: mfm")


def test_keys_and_four_eyes(terminal: Terminal) -> None:
    made = terminal.json("key", "create", "--role", "preparer", "--party", "agent", "--fund", "g")
    assert made["secret"].startswith("mfm_")
    pledge = ("pledge", "announce", "--donor", "donor", "--amount", "5.00 USD", *ON)
    assert terminal.json(*pledge, "--fund", "g", "--id", "by-key", MFM_KEY=made["secret"])["ids"]
    records = terminal.json("history", "g", "9100", MFM_KEY=made["secret"])
    assert records["rows"][-1]["verb"] == "pledge.announce"
    party = (
        "fund",
        "open",
        "--name",
        "F",
        "--tier",
        "local",
        "--currency",
        "USD",
        "--steward",
        "agent",
    )
    assert "role-not-allowed" in terminal.fails(*party, MFM_KEY=made["secret"])
    assert "key-unknown" in terminal.fails(*pledge, "--fund", "g", MFM_KEY="mfm_nonsense")
    assert terminal.run("key", "revoke", made["id"]).returncode == 0
    assert "key-unknown" in terminal.fails(*pledge, "--fund", "g", MFM_KEY=made["secret"])
    assert "key-revoked" in terminal.fails("key", "revoke", made["id"], code=1)


def test_an_import_is_told_and_appends_nothing_again(terminal: Terminal, tmp_path: Path) -> None:
    path = tmp_path / "activities.xml"
    path.write_text(FILE, "utf-8")
    first = terminal.json("import", "iati", str(path))
    assert (first["activities"], first["transactions"], first["refused"]) == (1, 2, [])
    assert "excess-precision" in {finding["code"] for finding in first["findings"]}
    assert terminal.json("import", "iati", str(path))["records"] == 0
    totals = terminal.json("totals", "--by", "activity,iati_type,currency")
    wanted = {"activity": "XM-DAC-7-A1", "iati_type": "3", "currency": "EUR"}
    assert {**wanted, "amount": "1200.00", "count": 2} in totals
    path.write_text("<html/>", "utf-8")
    assert "iati-not-activities" in terminal.fails("import", "iati", str(path))
    assert terminal.json("verify", "--database")["ok"] is True


def test_several_mechanisms_are_listed(terminal: Terminal) -> None:
    second = terminal.json("init", "--mechanism", "second", "--origin", "second.example.org/trail")
    assert (second["name"], second["origin"]) == ("second", "second.example.org/trail")
    said = terminal.fails("totals")
    assert "main" in said
    assert "second" in said
    assert terminal.json("totals", "--mechanism", "second") == []
    commands = ("statement g", "verify --database", "party register --name X", "serve")
    for done in terminal.each(*(command.split() for command in commands)):
        assert "second" in sentence(done)
