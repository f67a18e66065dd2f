"""Exports over HTTP: the same files, whole or not at all."""

import io
from pathlib import Path

import pytest

from mfm.app import export
from mfm.app.export import Source
from mfm.formats.iati_write import validate
from tests.app.importing import DATA
from tests.support import operator
from tests.web.site import Site, problem

pytestmark = pytest.mark.anyio
SCHEMAS = DATA / "iati-standard"


async def test_the_file_is_the_terminals(site: Site, tmp_path: Path) -> None:
    answer = await site.get("/v1/exports/iati", "donor")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/xml"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-disposition"] == 'attachment; filename="activities.xml"'
    assert int(answer.headers["content-length"]) == len(answer.content)
    sink = io.BytesIO()
    source = Source(site.books.mechanism.name)
    await export.iati(site.services.engine, operator(), source, sink)
    assert answer.content == sink.getvalue()
    if SCHEMAS.is_dir():
        path = tmp_path / "file.xml"
        path.write_bytes(answer.content)
        validate(path, SCHEMAS)


async def test_the_journal_is_plain_text(site: Site) -> None:
    answer = await site.get("/v1/exports/hledger?fund=n", "preparer")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert "n:FIN:1100 Cash at bank:main" in answer.text
    assert "g:FIN:" not in answer.text


async def test_who_may_not_is_told(site: Site) -> None:
    problem(await site.get("/v1/exports/iati", "grantee"), "role-not-allowed", 403)
    problem(await site.get("/v1/exports/hledger", "donor"), "role-not-allowed", 403)
    problem(await site.get("/v1/exports/iati", ""), "key-unknown", 401)
    bound = await site.key("preparer", fund="n")
    problem(await site.get("/v1/exports/iati?fund=g", bound), "fund-not-allowed", 403)
    assert b"-g<" not in (await site.get("/v1/exports/iati", bound)).content


async def test_what_is_asked_wrongly_is_told(site: Site) -> None:
    problem(await site.get("/v1/exports/iati?fund=zzz"), "not-found", 404)
    problem(await site.get("/v1/exports/iati?funds=g"), "query-invalid", 400)
    problem(await site.post("/v1/exports/iati"), "method-not-allowed", 405)


async def test_a_mask_is_told_nobody(site: Site) -> None:
    made = await site.post("/v1/parties/group/set-risk", {"at_risk": True})
    assert made.status_code == 201
    (told,) = made.json()["changed"]["party"]
    assert told["at_risk"] is True
    assert "mask" not in told
    assert "mask" not in (await site.get("/v1/parties/group")).json()
    text = (await site.get("/v1/exports/iati")).text
    assert "Women" not in text
    assert "Organisation at risk" in text
    answer = await site.post("/v1/parties/group/set-risk", {"at_risk": True})
    problem(answer, "risk-unchanged", 409)
