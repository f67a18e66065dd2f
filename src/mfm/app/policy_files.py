"""Policy files on disk: found, loaded with the shipped catalogue, and tried with their cases."""

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from mfm.core import policy_cases
from mfm.core.errors import Invalid
from mfm.core.facts import Catalogue
from mfm.core.policy_cases import Tested
from mfm.core.policy_format import PolicyFile, load
from mfm.core.policy_source import MAX_BYTES, PolicyError
from mfm.store.migrate import shipped

CASES = ".cases.toml"
_CATALOGUE = Path("catalogue", "facts.toml")


class Checked(NamedTuple):
    """A file that was checked: what it is, or what is wrong in it.

    Attributes:
        path: where it is.
        policy: the policy in it, None for a catalogue or where there are faults.
        faults: a line each: file, line, what is wrong, how to mend it.
    """

    path: Path
    policy: PolicyFile | None
    faults: tuple[str, ...] = ()


@cache
def catalogue() -> Catalogue:
    """Return the catalogue of facts that this release ships."""
    path = shipped("policies") / _CATALOGUE
    return Catalogue(path.read_bytes(), str(path))


def read(path: Path) -> bytes:
    """Return a file's bytes, or so many of them as are too many.

    Raises:
        Invalid: `file-unreadable`.
    """
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise Invalid("file-unreadable", f"{path}: {error.strerror}.") from None


def files(paths: Sequence[Path]) -> Iterator[Path]:
    """Return the files named, and the policies and catalogues below the folders named.

    Raises:
        Invalid: `file-unreadable` where there is nothing.
    """
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        found = [each for each in sorted(path.rglob("*.toml")) if not each.name.endswith(CASES)]
        if not found:
            raise Invalid("file-unreadable", f"{path}: there is no policy in this folder.")
        yield from found


def is_catalogue(path: Path) -> bool:
    """Tell whether a file is a catalogue of facts, by its place."""
    return path.parts[-2:] == _CATALOGUE.parts


def check(path: Path) -> Checked:
    """Load a file; return its policy, or its faults."""
    try:
        if is_catalogue(path):
            Catalogue(read(path), str(path))
            return Checked(path, None)
        return Checked(path, load(read(path), catalogue(), str(path)))
    except PolicyError as error:
        return Checked(path, None, tuple(error.lines()))


def policies(paths: Sequence[Path]) -> list[PolicyFile]:
    """Return the policies of files and folders.

    Raises:
        PolicyError: one of them has faults.
        Invalid: `file-unreadable`.
    """
    wanted = (path for path in files(paths) if not is_catalogue(path))
    return [load(read(path), catalogue(), str(path)) for path in wanted]


def test(path: Path, policy: PolicyFile) -> Tested:
    """Try a policy with the cases beside it."""
    beside = path.with_name(path.name.removesuffix(".toml") + CASES)
    if not beside.is_file():
        return Tested(0, 0, (f"There are no cases beside it: write {beside.name}.",))
    try:
        cases = policy_cases.cases_in(read(beside), policy, catalogue(), str(beside))
    except PolicyError as error:
        return Tested(0, 0, tuple(error.lines()))
    return policy_cases.run(policy, cases, catalogue())
