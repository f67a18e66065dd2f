"""What the rules of the house look at: the repository's own files, read once."""

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@cache
def files() -> dict[str, Path]:
    """Every file that is, or would be, committed: path from the root -> where it is."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            check=True,
            text=True,
        ).stdout.split("\0")
    except (OSError, subprocess.CalledProcessError):  # an unpacked archive has no git
        listed = [path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*")]
        listed = [name for name in listed if "__pycache__" not in name and name[0] != "."]
    return {name: ROOT / name for name in sorted(listed) if name and (ROOT / name).is_file()}


@cache
def texts(under: str, suffix: str) -> dict[str, str]:
    """The text of each file below a folder with a suffix: path from the root -> text."""
    return {
        name: path.read_text("utf-8")
        for name, path in files().items()
        if name.startswith(under) and name.endswith(suffix)
    }
