"""An exported trail held to all rules of the ledger, as a database is, offline."""

from pathlib import Path
from typing import Any

from mfm import verifier
from mfm.app.compare import held
from mfm.app.exported import records_in
from mfm.core.verify import Fold
from mfm.core.verify_form import Difference, Differs
from mfm.verifier import Options

_WORTH_READING = (0, 3)
"""Exit codes of a trail that is sound, though it may be below the policy."""
_NOTHING = Options()
_BROKEN = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)


def verify(path: Path, policy: str, options: Options = _NOTHING) -> tuple[int, dict[str, Any]]:
    """Verify an export; then fold its records by the rules that hold a database's.

    What the standalone verifier takes at its word is held too: which verb may set and move what,
    that nouns, amounts and postings agree, periods, votes, and the invariants at the end.

    Args:
        path: the export.
        policy: the auditor's own.
        options: as for the verifier alone.

    Returns:
        the exit code, and what `--json` prints, as `verifier.verify` has them; where the rules
        were asked, `rules_held` says of how many records they hold.
    """
    taken_back = set[int]()

    def read(content: bytes) -> Any:  # noqa: ANN401  # what a record says
        """Read a record, and note which other it takes back."""
        told = options.read(content)
        body = told.get("body") if isinstance(told, dict) else None
        if isinstance(body, dict) and "reverses" in body:
            taken_back.add(int(body["reverses"]))
        return told

    code, told = verifier.verify(path, policy, options._replace(read=read))
    if code not in _WORTH_READING:
        return code, told
    fold = Fold(held(path).checkpoint.origin, frozenset(taken_back))
    found = _difference(fold, path, options)
    if found is not None:
        problem = {"code": found.check, "seq": found.seq or None, "file": None}
        told["problems"] = [problem | {"detail": found.detail}, *told["problems"]]
        return 1, told | {"ok": False, "rules_held": fold.seq}
    return code, told | {"rules_held": fold.seq}


def _difference(fold: Fold, path: Path, options: Options) -> Difference | None:
    """Return the first record that breaks a rule."""
    size = held(path).checkpoint.size
    try:
        for content in records_in(path, size):
            fold.feed(content)
            options.progress(fold.seq, size)
        fold.finish()
    except Differs as differs:
        return differs.difference
    except _BROKEN as fault:  # what others made gets a verdict, no traceback
        return Difference("malformed", fold.seq + 1, repr(fault))
    return None
