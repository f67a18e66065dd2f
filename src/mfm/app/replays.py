"""An exported trail's decisions evaluated again, with the files and facts that it carries."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mfm import verifier
from mfm.app.exported import exported
from mfm.core.commitments import Commitment
from mfm.core.record import restore
from mfm.core.replays import KINDS, SIGNING, Read, Replays
from mfm.core.verify_form import Differs
from mfm.verifier import Options

Judge = Callable[[Path, str, Options], tuple[int, dict[str, Any]]]
"""Verifies an export: by itself, or by all rules of the ledger."""
_SIGNED = {"commitment": Commitment}
WORTH_READING = (0, 3)
"""Exit codes of a trail that is sound, though it may be below the policy."""


def verify(
    path: Path, policy: str, options: Options, judge: Judge = verifier.verify
) -> tuple[int, dict[str, Any]]:
    """Verify an export; then evaluate every decision in it again.

    Args:
        path: the export.
        policy: the auditor's own.
        options: as for the verifier alone.
        judge: what verifies the rest.

    Returns:
        the exit code, and what `--json` prints, as the judge has them: `decisions_rerun` came out
        the same, and `decisions_not_rerun` is none, but for those of another engine, or of a
        catalogue of facts that neither the trail nor this release has.
    """
    replays = Replays()

    def read(content: bytes) -> Any:  # noqa: ANN401  # what a record says
        """Read a record, and note its policies and decisions."""
        told = options.read(content)
        if isinstance(told, dict) and "outcome" in told and "sets" in told["body"]:
            sets, verb = told["body"]["sets"], told["body"].get("verb")
            kinds = KINDS | _SIGNED if verb == SIGNING else KINDS
            rows = [(kind, row) for kind in kinds if kind in sets for row in sets[kind]]
            replays.feed(int(told["seq"]), [restore(row, kinds[kind]) for kind, row in rows])
        return told

    code, told = judge(path, policy, options._replace(read=read))
    if code not in WORTH_READING:
        return code, told
    try:
        with exported(path) as file:
            _rerun(replays, lambda name: file(f"blobs/{name}"), options)
    except Differs as differs:
        found = differs.difference
        problem = {"code": found.check, "seq": found.seq, "file": None, "detail": found.detail}
        code, told["problems"] = 1, [problem, *told["problems"]]
    left = len(replays.met) - replays.done
    told |= {"decisions_rerun": replays.done, "decisions_not_rerun": left}
    return code, told | {"ok": not told["problems"]}


def _rerun(replays: Replays, file: Read, options: Options) -> None:
    """Evaluate the decisions again.

    Raises:
        Differs: `decision-replay`.
    """
    names = replays.files

    def read(name: str) -> bytes:
        """Return a blob; a catalogue that no policy was written for is the release's."""
        return file(name) if name in names else _shipped(name)

    for done, met in enumerate(replays.met, 1):
        replays.again(met, file(met.decision.content), read)
        options.progress(done, len(replays.met))


def _shipped(name: str) -> bytes:
    from mfm.app.policy_files import catalogue  # noqa: PLC0415  # trails do without it as a rule

    if catalogue().sha256 != name:
        raise LookupError(name)
    return catalogue().content
