"""Archives that would lead astray: what is no plain file of an export is not read."""

import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from mfm.verifier import RECORD_MAX, WIDTH, verify
from tests.tamper.forging import FIRST, Files, World, manifest_of, put


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, target
    return made


def packed(files: Files, path: Path, *more: tarfile.TarInfo) -> Path:
    """Write an export as a tar, with other members before it."""
    with tarfile.open(path, "w") as tar:
        for each in more:
            tar.addfile(each)
        for name, content in {**files, "MANIFEST": manifest_of(files)}.items():
            each = member(name)
            each.size = len(content)
            tar.addfile(each, io.BytesIO(content))
    return path


def verdict(path: Path, world: World) -> tuple[int, str]:
    code, told = verify(path, world.policy)
    return code, told["problems"][0]["code"] if told["problems"] else ""


def test_a_tar_is_read_as_a_folder_is(files: Files, world: World, tmp_path: Path) -> None:
    folder = member("tile", tarfile.DIRTYPE)
    assert verdict(packed(files, tmp_path / "e.tar", folder), world) == (0, "")
    prefixed = {f"./{name}": content for name, content in files.items()}
    path = tmp_path / "dot.tar"
    with tarfile.open(path, "w") as tar:
        for name, content in {**prefixed, "./MANIFEST": manifest_of(files)}.items():
            each = member(name)
            each.size = len(content)
            tar.addfile(each, io.BytesIO(content))
    assert verdict(path, world) == (0, "")


MEMBERS = {
    "upwards": member("../secret"),
    "absolute": member("/etc/hostname"),
    "through a folder": member("tile/../../secret"),
    "symbolic link": member("link", tarfile.SYMTYPE, "/etc/hostname"),
    "link for a folder": member("tile", tarfile.SYMTYPE, "/etc"),
    "hard link": member("README.txt", tarfile.LNKTYPE, "README"),
    "device": member("zero", tarfile.CHRTYPE),
    "pipe": member("pipe", tarfile.FIFOTYPE),
    "twice": member("checkpoint"),
    "twice, spelt otherwise": member("./checkpoint"),
    "no name": member(""),
}


@pytest.mark.parametrize("what", MEMBERS)
def test_case_44_members_that_lead_astray(
    what: str, files: Files, world: World, tmp_path: Path
) -> None:
    path = packed(files, tmp_path / "e.tar", MEMBERS[what])
    assert verdict(path, world) == (2, "unreadable")


@pytest.mark.parametrize("target", ["..", "/dev/zero", "README", "nowhere"])
def test_case_44_links_in_a_folder(target: str, files: Files, world: World, tmp_path: Path) -> None:
    for name in ("checkpoints/link", "checkpoint"):
        path = put(files, tmp_path / name.replace("/", "-"))
        (path / name).unlink(missing_ok=True)
        (path / name).symlink_to(target)
        assert verdict(path, world) == (2, "unreadable")


def test_case_44_a_pipe_in_a_folder(files: Files, world: World, tmp_path: Path) -> None:
    """Which would be waited at for ever."""
    path = put(files, tmp_path)
    (path / "README").unlink()
    os.mkfifo(path / "README")
    assert verdict(path, world) == (2, "unreadable")


def cut(content: bytes) -> bytes:
    return content[: len(content) * 2 // 3]


def longer(content: bytes) -> bytes:
    """Return a tar whose last member is told to be of eight gigabytes."""
    at = content.rindex(b"MANIFEST\0")
    header = bytearray(content[at : at + 512])
    header[124:136] = b"77777777777\0"
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return content[:at] + bytes(header) + content[at + 512 :]


@pytest.mark.parametrize("how", [cut, longer, lambda _: b"", lambda _: b"x" * 5_000])
def test_case_44_a_tar_that_is_cut_or_lies(
    how: Callable[[bytes], bytes], files: Files, world: World, tmp_path: Path
) -> None:
    path = packed(files, tmp_path / "e.tar")
    path.write_bytes(how(path.read_bytes()))
    assert verdict(path, world) == (2, "unreadable")


def test_case_44_what_was_packed_smaller_is_not_unpacked(
    files: Files, world: World, tmp_path: Path
) -> None:
    """Neither gzip nor a sparse file: nothing becomes larger than it is on the disk."""
    path = tmp_path / "e.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        tar.add(put(files, tmp_path / "export"), ".")
    assert verdict(path, world) == (2, "unreadable")
    sparse = member("blobs/x")
    sparse.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}
    sparse.pax_headers |= {"GNU.sparse.name": "blobs/x", "GNU.sparse.realsize": str(2**40)}
    data = b"1\n0\n0\n".ljust(512, b"\0")
    sparse.size = len(data)
    with tarfile.open(tmp_path / "s.tar", "w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(sparse, io.BytesIO(data))
    assert verdict(tmp_path / "s.tar", world) == (2, "unreadable")


def test_case_44_files_that_are_too_large(files: Files, world: World, tmp_path: Path) -> None:
    """They are given up at the size that they can have at most; terabytes of holes are not read."""
    for name in ("checkpoint", FIRST, "tile/0/000"):
        path = put(files, tmp_path / name.replace("/", "-"))
        with (path / name).open("r+b") as file:
            file.truncate(2**40)
        assert verdict(path, world) == (1, "file-size")
    most = WIDTH * (2 + RECORD_MAX)
    just = {**files, "checkpoint": b"x" * most}
    assert verdict(put(just, tmp_path / "just"), world) == (1, "note-form")


def test_a_file_that_may_not_be_read(files: Files, world: World, tmp_path: Path) -> None:
    path = put(files, tmp_path)
    (path / "README").unlink()
    (path / "README").mkdir()
    assert verdict(path, world) == (1, "file-missing")
