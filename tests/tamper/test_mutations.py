"""Random single bytes of an export are changed: whatever is changed is caught, or can do no harm.

Half of the time MANIFEST stays as it was, and catches all. Half of the time it is made anew, and
the tree has to tell; what it cannot tell by its nature is named here, and nothing else is spared.
"""

import os
import random
from pathlib import Path

from hypothesis import settings

from mfm.formats import canonical
from mfm.verifier import Options, verify
from tests.tamper.forging import Files, World, manifest_of, put

THOROUGH = settings.get_current_profile_name() == "thorough"
ROUNDS = 2_000 if THOROUGH else 200
SEED = int(os.environ.get("SEED", "1325"))


def harmless(files: Files, name: str, at: int) -> bool:
    """Tell whether a MANIFEST made anew lets this pass by its nature.

    That is the text about the export; others' timestamps, which are for their own tools to check;
    and on an older checkpoint the lines of witnesses, of which nobody asks a quorum: whoever is
    unknown is passed over, and a line that was made unknown is a line that was left out.
    """
    if name.startswith("checkpoints/"):
        return at > files[name].index(b"\n", files[name].index(b"\n\n") + 2)
    return name == "README" or name.startswith("anchors/")


def drawn(files: Files, draw: random.Random) -> tuple[str, int, int]:
    """Return a file, a place in it, and what its byte becomes: each file as often as another."""
    name = draw.choice(sorted(name for name in files if files[name]))
    at = draw.randrange(len(files[name]))
    return name, at, files[name][at] ^ draw.randrange(1, 256)


def test_single_bytes(world: World, tmp_path: Path) -> None:
    draw = random.Random(SEED)  # noqa: S311  # it draws places, no secrets
    manifest = manifest_of(world.files)
    everything = {**world.files, "MANIFEST": manifest}
    path = put(world.files, tmp_path)
    options = Options(read=canonical.read)
    assert verify(path, world.witnessed, options)[0] == 0
    missed = []
    for number in range(ROUNDS):
        anew = number % 2 == 1
        name, at, byte = drawn(world.files if anew else everything, draw)
        content = bytearray(everything[name])
        content[at] = byte
        (path / name).write_bytes(content)
        if anew:
            (path / "MANIFEST").write_bytes(manifest_of(world.files | {name: bytes(content)}))
        code, told = verify(path, world.witnessed, options)
        caught = code in (1, 2, 3) and not told["ok"] and told["problems"]
        if not caught and not (anew and harmless(world.files, name, at)):
            missed.append((name, at, byte, anew))
        (path / name).write_bytes(everything[name])
        (path / "MANIFEST").write_bytes(manifest)
    assert not missed
    assert verify(path, world.witnessed, options)[0] == 0
