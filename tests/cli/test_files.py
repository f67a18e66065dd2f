"""Files in and out from the terminal: exit codes, one JSON document, the file that was asked."""

from pathlib import Path

import openpyxl
import pytest

from tests.cli.terminal import Terminal


@pytest.fixture(scope="module")
def played(terminal: Terminal) -> Terminal:
    """A terminal whose mechanism has a fund with a deposit."""
    on = "--effective-on 2026-03-02"
    steps = (
        "party register --id donor --name Donor",
        "fund open --id g --name G --tier global --currency USD --steward donor",
        f"commitment sign --id gift --from-party donor --to-fund g --amount 900.00_USD {on}",
        f"deposit receive --id first --commitment gift --amount 100.00_USD {on}",
    )
    for step in steps:
        assert terminal.run(*(w.replace("_", " ") for w in step.split())).returncode == 0, step
    return terminal


def test_tables_come_in_and_lists_go_out(played: Terminal, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('id,commitment,amount,currency,effective_on\nd1,gift,"1.000,00",USD,1/2/26\n')
    told = played.json("import", "deposits", str(path), code=1)
    assert told["written"] is False
    assert [(each["row"], each["column"], each["code"]) for each in told["problems"]] == [
        (2, "amount", "decimal-separator"),
        (2, "effective_on", "date-locale"),
    ]
    said = played.run("import", "deposits", str(path))
    assert said.returncode == 1
    assert "row 2 amount: decimal-separator" in said.stdout
    path.write_text("id,commitment,amount,currency,effective_on\nd1,gift,5.00,USD,2026-03-03\n")
    dry = played.json("import", "deposits", str(path), "--dry-run")
    assert dry == {"rows": 1, "records": 0, "problems": [], "written": False}
    assert played.json("import", "deposits", str(path))["records"] == 1
    assert played.json("import", "deposits", str(path))["records"] == 0
    assert "file-unreadable" in played.fails("import", "parties", str(tmp_path / "none"), code=2)

    out = tmp_path / "out.xlsx"
    told = played.json("export", "deposits", "--format", "xlsx", "-o", str(out))
    assert told["export"]["rows"] == 2
    book = openpyxl.load_workbook(out)
    assert book.active is not None
    assert [row[0].value for row in book.active.iter_rows(min_row=2)] == ["first", "d1"]
    lines = tmp_path / "out.csv"
    assert played.run("export", "postings", "-o", str(lines)).returncode == 0
    assert lines.read_text().startswith("seq,line,effective_on,verb,fund,currency,debit,")
    assert "file-unwritable" in played.fails("export", "parties", "-o", "/none/x.csv", code=2)


def test_nothing_in_a_file_steers_the_terminal(played: Terminal, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("na\x1b[31mme,id\nx,y\n")
    said = played.run("import", "parties", str(path))
    assert said.returncode == 1
    assert "\x1b" not in said.stdout + said.stderr
    assert "column-unknown" in said.stdout


def test_a_bank_statement_is_imported_and_reconciled(played: Terminal, tmp_path: Path) -> None:
    path = tmp_path / "bank.csv"
    path.write_text(
        "booked_on,amount,currency,balance,reference\n"
        "2026-03-04,100.00,USD,100.00,gift first\n2026-03-05,-2.00,USD,98.00,charges\n"
    )
    told = played.json("import", "bank", str(path), "--fund", "g", "--account", "main")
    assert (told["rows"], told["matched"], told["unmatched"]) == (2, 1, 1)
    assert told["findings"][0]["code"] == "not-in-books"
    again = played.json("import", "bank", str(path), "--fund", "g")
    assert again["records"] == 0
    made = played.json("bank", "reconcile", "g", "--match", "--as-of", "2026-03-31")
    assert (made["bank_balance"], made["outstanding_lines"], made["unexplained"]) == (
        "98.00",
        "-2.00",
        "0.00",
    )
    page = told["statements"][0]
    apart = played.json("bank", "unmatch", "--statement", page, "--line", "1")
    assert apart["verb"] == "bank.unmatch"
    said = played.run("bank", "reconcile", "g")
    assert "Unexplained" in said.stdout
    assert "not-in-books" in said.stdout
    assert "not-found" in played.fails("bank", "reconcile", "none")
