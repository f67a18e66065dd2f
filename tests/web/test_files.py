"""Files in and files out over HTTP: who may, how much, and what comes of it."""

import csv
import io
from pathlib import Path

import openpyxl
import pytest
from msgspec import json

from mfm.app.export_lists import LISTS
from mfm.app.import_bank import ImportedStatement
from mfm.app.import_rows import ImportedTable
from mfm.core.reconciliation import Reconciliation
from tests.web.site import Site, problem

pytestmark = pytest.mark.anyio

CSV = {"Content_Type": "text/csv"}


async def test_a_table_is_imported_from_a_body(site: Site) -> None:
    rows = b"id,name\nweb-1,One\nweb-2,Two\n"
    dry = await site.post("/v1/imports/parties?dry_run=true", rows, **CSV)
    assert json.decode(dry.content, type=ImportedTable) == ImportedTable(2, 0, [], written=False)
    assert (await site.get("/v1/parties/web-1")).status_code == 404
    made = await site.post("/v1/imports/parties", rows, **CSV)
    assert json.decode(made.content, type=ImportedTable).records == 2
    again = await site.post("/v1/imports/parties", rows, **CSV)
    assert json.decode(again.content, type=ImportedTable).records == 0
    wrong = await site.post("/v1/imports/parties", b"id,name\nNot an id,One\n,Two\n", **CSV)
    told = json.decode(wrong.content, type=ImportedTable)
    assert [(each.row, each.column, each.code) for each in told.problems] == [
        (2, "id", "field-invalid")
    ]
    assert not told.written
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in (["id", "name"], ["web-3", "Three"]):
        book.active.append(row)
    sheet = io.BytesIO()
    book.save(sheet)
    made = await site.post("/v1/imports/parties", sheet.getvalue(), **CSV)
    assert made.json()["records"] == 1
    problem(await site.post("/v1/imports/parties", rows, who="auditor", **CSV), "role-not-allowed")
    problem(await site.post("/v1/imports/parties?dry_run=1", rows, **CSV), "query-invalid")
    problem(await site.post("/v1/imports/parties", b"PK\x03\x04", **CSV), "spreadsheet-malformed")
    problem(await site.post("/v1/imports/parties", b"\xff\xfei\0d\0", **CSV), "utf8-invalid")


async def test_a_bank_statement_is_imported_and_reconciled(site: Site) -> None:
    rows = (
        b"booked_on,amount,currency,balance,reference\n"
        b"2026-03-02,990000.00,USD,990000.00,\n2026-03-03,-9900.00,USD,980100.00,\n"
        b"2026-03-04,-7.00,USD,980093.00,charges\n"
    )
    path = "/v1/funds/g/bank-accounts/main"
    made = json.decode(
        (await site.post(f"{path}/statements", rows, **CSV)).content, type=ImportedStatement
    )
    assert (made.rows, made.matched, made.unmatched) == (3, 2, 1)
    told = await site.get(f"{path}/reconciliation", who="payer")
    found = json.decode(told.content, type=Reconciliation)
    assert (found.bank_balance, found.unexplained) == ("980093.00", "0.00")
    assert [each.reference for each in found.not_in_books] == ["charges"]
    page = (await site.get(f"/v1/bank-statements/{made.statements[0]}")).json()
    assert page["opening"] == {"amount": "0.00", "currency": "USD"}
    assert [line["match"] for line in page["lines"]] == [1, 2, 0]
    listed = await site.get("/v1/bank-statements?fund=g&status=open")
    assert [each["id"] for each in listed.json()["items"]] == made.statements
    body = {"matches": [{"lines": [3], "records": [1]}]}
    told = await site.post(f"/v1/bank-statements/{page['id']}/match", body)
    problem(told, "match-record", 422)
    told = await site.post(f"/v1/bank-statements/{page['id']}/unmatch", {"line": 3})
    problem(told, "line-unmatched", 409)
    other = await site.key("preparer", fund="n")
    problem(await site.get(f"{path}/reconciliation", who=other), "fund-not-allowed")
    assert (await site.get(f"/v1/bank-statements/{page['id']}", who=other)).status_code == 404
    problem(await site.get("/v1/funds/x/bank-accounts/main/reconciliation"), "not-found")
    problem(await site.get(f"{path}/reconciliation?as_of=soon"), "query-invalid")


@pytest.mark.parametrize("what", LISTS)
async def test_lists_are_exported_in_each_form(site: Site, what: str) -> None:
    told = await site.get(f"/v1/exports/{what}.csv")
    assert told.headers["content-type"].startswith("text/csv")
    assert f'filename="{what}.csv"' in told.headers["content-disposition"]
    header, *rows = csv.reader(io.StringIO(told.text, newline=""))
    assert rows
    lines = [
        json.decode(line)
        for line in (await site.get(f"/v1/exports/{what}.jsonl")).content.splitlines()
    ]
    assert [list(each) for each in lines] == [header] * len(rows)
    sheet = await site.get(f"/v1/exports/{what}.xlsx")
    book = openpyxl.load_workbook(io.BytesIO(sheet.content), read_only=True)
    assert book.active is not None
    cells = list(book.active.iter_rows(values_only=True))
    assert cells[0] == tuple(header)
    assert len(cells) == 1 + len(rows)
    if what not in ("postings", "records"):
        listed = (await site.get(f"/v1/{what}?limit=500")).json()["items"]
        assert [each["id"] for each in lines] == [each["id"] for each in listed]


async def test_an_export_holds_what_the_key_may_see(site: Site) -> None:
    other = await site.key("preparer", fund="n")
    for what in ("commitments", "deposits", "postings"):
        lines = (await site.get(f"/v1/exports/{what}.jsonl", who=other)).content.splitlines()
        for line in map(json.decode, lines):
            funds = {line.get(name) for name in ("fund", "from_fund", "to_fund")}
            assert "n" in funds, line
    donor = (await site.get("/v1/exports/commitments.jsonl", who="donor")).content.splitlines()
    assert {json.decode(line)["from_party"] for line in donor} == {"donor"}
    problem(await site.get("/v1/exports/records.csv", who="donor"), "role-not-allowed")
    problem(await site.get("/v1/exports/commitments.csv", who=""), "key-unknown")
    assert (await site.get("/v1/exports/commitments.ods")).status_code == 404


async def test_what_is_exported_can_be_imported_again(site: Site, tmp_path: Path) -> None:
    """A list of parties comes back as the rows that made it, guards and all."""
    body = b"id,name,identifier,country\nback-1,'=Formula & Sons,XI-9,KE\n"
    assert (await site.post("/v1/imports/parties", body, **CSV)).json()["records"] == 1
    text = (await site.get("/v1/exports/parties.csv")).text
    row = next(each for each in csv.DictReader(io.StringIO(text)) if each["id"] == "back-1")
    assert row["name"] == "'=Formula & Sons"
    assert (await site.get("/v1/parties/back-1")).json()["name"] == "=Formula & Sons"
