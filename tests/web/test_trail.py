"""The trail over HTTP: tiles that an outsider puts together again, and proofs that hold."""

import hashlib
from base64 import b64decode
from typing import Any

import pytest

from mfm.core.merkle import consistent, included
from mfm.verifier import checkpoint_of, key_of, tile_path
from tests.web.site import Site, problem

pytestmark = pytest.mark.anyio
FOR_EVER = "max-age=31536000, immutable"


def leaf_of(record: bytes) -> bytes:
    return hashlib.sha256(b"\0" + record).digest()


def root_of(leaves: list[bytes]) -> bytes:
    """RFC 6962, 2.1, written out anew."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\1" + root_of(leaves[:split]) + root_of(leaves[split:])).digest()


def records_of(bundle: bytes) -> list[bytes]:
    found = []
    while bundle:
        length = int.from_bytes(bundle[:2], "big")
        found.append(bundle[2 : 2 + length])
        bundle = bundle[2 + length :]
    return found


async def grown(site: Site, size: int) -> int:
    """Return the size that is sealed, once there are more records than `size`."""
    number = await site.head()
    while number <= size:
        await site.books.do("party.register", name=f"Party {number}")
        number += 1
    return await site.sealed()


async def note_of(site: Site, path: str = "/v1/trail/checkpoint") -> Any:  # noqa: ANN401  # a Checkpoint
    response = await site.get(path, who="")
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    return checkpoint_of(response.content)


async def read(site: Site, path: str, who: str = "", kept: str = "public") -> bytes:
    response = await site.get(f"/v1/trail/{path}", who)
    assert response.status_code == 200, (path, response.text)
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.headers["cache-control"] == f"{kept}, {FOR_EVER}"
    return response.content


async def hashes(site: Site, query: str) -> tuple[int, list[bytes]]:
    response = await site.get(f"/v1/trail/{query}", who="")
    assert response.status_code == 200, response.text
    told = response.json()
    return told["size"], [b64decode(each) for each in told["hashes"]]


async def test_the_tiles_are_the_tree_of_the_records(site: Site) -> None:
    size = await grown(site, 520)
    checkpoint = await note_of(site)
    assert site.services.sealer is not None
    assert checkpoint.signed_by(key_of(site.services.sealer.verifier_key()), 0)
    assert checkpoint.size == size
    records, leaves = [], b""
    for index in range(3):
        width = min(256, size - index * 256)
        records += records_of(
            await read(site, tile_path("entries", index, width), "auditor", "private")
        )
        leaves += await read(site, tile_path(0, index, width))
    assert leaves == b"".join(map(leaf_of, records))
    assert root_of(list(map(leaf_of, records))) == checkpoint.root
    upper = await read(site, tile_path(1, 0, size // 256))
    assert upper[:32] == root_of(list(map(leaf_of, records[:256])))
    assert records[40] == (await site.books.writer.run(lambda unit: unit.record(41)))


async def test_full_tiles_stay_and_partial_ones_are_those_of_checkpoints(site: Site) -> None:
    size = await grown(site, 260)
    before = await read(site, "tile/0/000")
    partial = tile_path(0, size // 256, size % 256) if size % 256 else ""
    later = await grown(site, size + 3)
    assert await read(site, "tile/0/000") == before
    if partial:
        assert len(await read(site, partial)) == size % 256 * 32
    checkpoint = await note_of(site, f"/v1/trail/checkpoints/{size}")
    assert checkpoint.size == size
    sizes = set()
    for each in range(1, later + 1):
        response = await site.get(f"/v1/trail/checkpoints/{each}", who="")
        if response.status_code == 200:
            sizes.add(each)
            assert "max-age=60" in response.headers["cache-control"]
        else:
            problem(response, "not-found", 404)
    for each in range(1, later + 1):
        if each % 256:
            path = "/v1/trail/" + tile_path(0, each // 256, each % 256)
            answer = await site.get(path, who="")
            assert (answer.status_code == 200) == (each in sizes), each


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/001/000",
        "tile/0/x000/001",
        "tile/0/0",
        "tile/0/0000",
        "tile/0/+00",
        "tile/0/999",
        "tile/0/x999/x999/x999/x999/999",
        "tile/0/x999/x999/x999/x999/x999/999",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/999",
        "tile/0/000.p/1/2",
        "tile/0/000.P/1",
        "tile/0/\u0660\u0660\u0660",
        "tile/00/000",
        "tile/7/000",
        "tile/-1/000",
        "tile/6/000",
        "tile/x/000",
        "tile/0/000%00",
        "tile/0/..%2fentries/000",
        "tile/%65ntries/000",
        "checkpoints/0",
        "checkpoints/01x",
        "checkpoints/99999999999999999999999",
        "checkpoints/1e3",
    ],
)
async def test_there_are_no_other_tiles(site: Site, path: str) -> None:
    response = await site.get(f"/v1/trail/{path}", who="")
    code = response.json()["code"]
    assert response.status_code in {401, 404}, response.text
    assert code == "key-unknown" if "ntries/000" in path and "%2f" not in path else "not-found"
    assert response.headers["cache-control"] == "no-store"


async def test_records_are_for_those_who_may_read_all_of_them(site: Site) -> None:
    size = await site.sealed()
    path = "/v1/trail/" + tile_path("entries", (size - 1) // 256, (size - 1) % 256 + 1)
    problem(await site.get(path, who=""), "key-unknown", 401)
    for role in ("donor", "grantee"):
        problem(await site.get(path, who=role), "role-not-allowed", 403)
    bound = await site.key("preparer", fund="g")
    size = await site.sealed()
    path = "/v1/trail/" + tile_path("entries", (size - 1) // 256, (size - 1) % 256 + 1)
    problem(await site.get(path, who=bound), "fund-not-allowed", 403)
    for role in ("auditor", "administrator", "preparer", "board"):
        assert (await site.get(path, who=role)).status_code == 200


async def test_proofs_lead_to_the_checkpoints_roots(site: Site) -> None:
    old = (await note_of(site)).size
    size = await grown(site, old + 300)
    new = await note_of(site)
    first = await note_of(site, f"/v1/trail/checkpoints/{old}")
    told, proof = await hashes(site, f"consistency?from={old}")
    assert told == new.size == size
    assert consistent((first.size, first.root), (new.size, new.root), proof)
    assert not consistent((first.size, first.root[::-1]), (new.size, new.root), proof)
    assert await hashes(site, f"consistency?from={old}&to={old}") == (old, [])
    for seq in (1, 2, old, size):
        record = await site.books.writer.run(lambda unit, seq=seq: unit.record(seq))
        for tree in (first, new):
            if seq <= tree.size:
                told, proof = await hashes(site, f"inclusion?seq={seq}&size={tree.size}")
                assert told == tree.size
                assert included(leaf_of(record), seq - 1, tree.size, proof) == tree.root


@pytest.mark.parametrize(
    "query",
    [
        "consistency",
        "consistency?to=3",
        "consistency?from=0",
        "consistency?from=-1",
        "consistency?from=5&to=4",
        "consistency?from=1&to=99999999",
        "consistency?from=1&from=2",
        "consistency?from=1&size=2",
        "inclusion?size=3",
        "inclusion?seq=0",
        "inclusion?seq=9&size=8",
        "inclusion?seq=9007199254740993",
        "inclusion?seq=1&size=1e3",
        "inclusion?seq=\u0661",
    ],
)
async def test_what_is_not_sealed_has_no_proof(site: Site, query: str) -> None:
    problem(await site.get(f"/v1/trail/{query}", who=""), "query-invalid", 400)
