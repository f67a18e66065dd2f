"""An export's timestamps held against its records: none is of a time before what it covers.

Beside the standalone verifier, which leaves timestamps to `openssl ts -verify`; whether an
authority is to be believed is said by that alone.
"""

import tarfile
from datetime import datetime
from pathlib import Path
from typing import Any

from mfm import verifier
from mfm.app import replays
from mfm.app.exported import bundle_at, bundled, exported, names_in
from mfm.app.replays import WORTH_READING, Judge
from mfm.core.errors import Invalid
from mfm.formats import timestamps
from mfm.verifier import WIDTH, Options

_ENDING = ".tsr"
_BROKEN = (Invalid, OSError, LookupError, ValueError, tarfile.TarError)


def verify(
    path: Path, policy: str, options: Options, judge: Judge = verifier.verify
) -> tuple[int, dict[str, Any]]:
    """Verify an export, its decisions, and what its timestamps say of its records' times.

    Args:
        path: the export.
        policy: the auditor's own.
        options: as for the verifier alone.
        judge: what verifies the rest.

    Returns:
        the exit code, and what `--json` prints, as `replays.verify` has them; with `timestamps`,
        for each: of how many records, its time, and how many seconds before it (or, negative,
        after it) the last of them says it was written.
    """
    code, told = replays.verify(path, policy, options, judge)
    if code not in WORTH_READING:
        return code, told
    stamps: list[dict[str, Any]] = []
    with exported(path) as file:
        for name in names_in(path, "anchors"):
            if not name.endswith(_ENDING):
                continue
            try:
                stamps.append(_stamp(file, int(name.removesuffix(_ENDING)), told["size"]))
                why = _older(stamps[-1])
            except _BROKEN as fault:
                why = f"It cannot be held against the trail: {fault}"
            if why:
                problem = {"code": "timestamp", "seq": None, "file": f"anchors/{name}"}
                told["problems"].append(problem | {"detail": why[:500]})
                code = 1
    return code, told | {"timestamps": stamps, "ok": not told["problems"]}


def _stamp(file: Any, size: int, whole: int) -> dict[str, Any]:  # noqa: ANN401  # reads a file by its name
    text = file(f"checkpoints/{size}").partition(b"\n\n")[0] + b"\n"
    at = timestamps.check(file(f"anchors/{size}{_ENDING}"), text)
    first = (size - 1) // WIDTH * WIDTH
    records = [*bundled(file(bundle_at(first, whole)))]
    record = verifier.parse(records[size - 1 - first])
    seconds = round((at - datetime.fromisoformat(record["at"])).total_seconds())
    return {"size": size, "at": at.isoformat(), "seconds_after": seconds}


def _older(stamp: dict[str, Any]) -> str:
    """Return what is wrong where a timestamp is older than the records that it covers."""
    if stamp["seconds_after"] >= -timestamps.CLOCKS_APART.total_seconds():
        return ""
    early = -stamp["seconds_after"]
    return f"It is of {stamp['at']}, {early} s before record {stamp['size']} says it was written."
