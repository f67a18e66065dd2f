"""Two trails verified, and held against each other: what one sent, the other received."""

from pathlib import Path
from typing import Any

from mfm import verifier
from mfm.app import anchored
from mfm.core.counterparts import Transfers, match
from mfm.core.errors import Problem
from mfm.formats import canonical
from mfm.verifier import Options, leaf_hash


def verify(paths: tuple[Path, Path], policy: str, options: Options) -> tuple[int, dict[str, Any]]:
    """Verify two exports, each by itself, then the transfers between them.

    Args:
        paths: the exports.
        policy: the auditor's own, with the keys of both logs.
        options: as for one export.

    Returns:
        the exit code (1 where they differ), and what `--json` prints; transfers are compared once
        both hold by themselves.
    """
    sides = Transfers(), Transfers()
    codes, trails, problems = list[int](), list[dict[str, Any]](), list[dict[str, Any]]()
    for path, side in zip(paths, sides, strict=True):
        code, told = anchored.verify(path, policy, options._replace(read=_watching(side)))
        problems += [
            problem | {"file": str(path / (problem["file"] or ""))} for problem in told["problems"]
        ]
        codes.append(code)
        trails.append({"path": str(path), "origin": side.origin} | told)
    pairs: list[tuple[int, int]] = []
    if not problems:
        pairs, found = match(*sides)
        names = {side.origin: str(path) for path, side in zip(paths, sides, strict=True)}
        problems = [
            {
                "code": each.code,
                "seq": each.seq or None,
                "file": names[each.trail],
                "detail": each.detail,
            }
            for each in found
        ]
        codes.append(int(bool(found)))
    rerun = sum(told["decisions_not_rerun"] for told in trails)
    told = {"ok": not problems, "trails": trails, "transfers": pairs, "problems": problems}
    return min([code for code in codes if code], default=0), told | {"decisions_not_rerun": rerun}


def _watching(side: Transfers) -> verifier.Read:
    """Return what reads a record and gathers what it says of transfers."""

    def read(content: bytes) -> Any:  # noqa: ANN401  # what a record says
        """Read it; what is no record is the verifier's to say."""
        told = canonical.read(content)
        if isinstance(told, dict) and {"log", "seq", "outcome", "body"} <= told.keys():
            try:
                side.feed(told, leaf_hash(content))
            except Problem as fault:  # an amount that is none
                raise ValueError(str(fault)) from fault
        return told

    return read
