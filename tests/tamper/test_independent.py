"""Another implementation, which shares nothing with ours, judges receipts as we do."""

import shutil
import subprocess
from base64 import b64encode
from collections.abc import Callable

import pytest
from msgspec import json

from mfm.core.merkle import inclusion
from mfm.formats import receipts
from mfm.formats.receipts import Proof
from mfm.store import trail
from mfm.store.database import connect
from tests.house.tree import ROOT
from tests.tamper.forging import World, records_of

FOLDER = ROOT / "tests" / "interop"
pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(
        shutil.which("node") is None or not (FOLDER / "node_modules").is_dir(),
        reason="another implementation is not here: npm ci --ignore-scripts --prefix tests/interop",
    ),
]
Told = dict[str, str]


def judged(told: list[Told]) -> list[str]:
    """Return what the other implementation says of each receipt."""
    lines = b"".join(json.encode(each) + b"\n" for each in told)
    argv = ["node", str(FOLDER / "receipts.cjs")]
    done = subprocess.run(argv, input=lines, capture_output=True, check=True)
    return done.stdout.decode().splitlines()


@pytest.fixture
async def told(world: World) -> list[Told]:
    """A receipt of every record of a trail with a change of key, under its last checkpoint."""
    entries = records_of(world.files)
    size, number = len(entries), world.mechanism.id
    connection = await connect(world.url, "mfm_writer")
    note = await trail.note_of(connection, number, size)
    found = []
    for leaf, entry in enumerate(entries):
        hashes = await trail.proof(connection, number, size, inclusion(leaf, size))
        proof = receipts.encode(Proof(leaf, hashes, note))
        found.append({"proof": proof, "entry": b64encode(entry).decode()})
    await connection.close()
    vkey = world.keys[-1][1].vkey
    return [{"vkey": vkey, **each} for each in found]


async def test_it_takes_every_receipt(told: list[Told]) -> None:
    assert len(told) > 256
    assert judged(told) == ["ok"] * len(told)


def line(at: int, change: Callable[[str], str]) -> Callable[[Told], Told]:
    """Return what changes one line of a proof."""

    def changed(told: Told) -> Told:
        lines = told["proof"].split("\n")
        lines[at] = change(lines[at])
        return told | {"proof": "\n".join(each for each in lines if each != "-")}

    return changed


def swapped(text: str) -> str:
    """Change a sign of base64."""
    return ("B" if text[10] == "A" else "A").join((text[:10], text[11:]))


FORGERIES: dict[str, Callable[[Told], Told]] = {
    "a record": lambda told: told | {"entry": b64encode(b"{}").decode()},
    "its place": line(1, lambda text: f"index {abs(int(text[6:]) - 1)}"),
    "a hash": line(2, swapped),
    "a hash less": line(2, lambda _: "-"),
    "the size": line(-5, lambda text: str(int(text) + 1)),
    "the root": line(-4, swapped),
}


async def test_it_refuses_what_we_refuse(told: list[Told], world: World) -> None:
    whole = [{**each, "proof": stripped(each["proof"])} for each in told]
    some = [whole[0], whole[100], whole[255], whole[256], whole[-1]]
    assert judged(some) == ["ok"] * len(some)
    for what, forge in FORGERIES.items():
        assert "ok" not in judged([forge(each) for each in some]), what
    older = [each | {"vkey": world.keys[0][1].vkey} for each in some]
    assert judged(older) == ["invalid checkpoint signature"] * len(some)


def stripped(proof: str) -> str:
    """Leave the log's line alone, so that root and size are lines counted from the end."""
    head, text, lines = proof.split("\n\n")
    return f"{head}\n\n{text}\n\n{lines.splitlines()[0]}\n"
