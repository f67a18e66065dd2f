"""Progress bars: of imports, and of what is counted."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


class Bar:
    """A progress bar on standard error, where that is a terminal."""

    def __init__(self, path: Path, *, rows: bool = False) -> None:
        """Prepare it.

        Args:
            path: the file.
            rows: whether what is read is counted in rows, not in bytes.
        """
        console = Console(stderr=True)
        columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,}")
        self._progress = Progress(
            *columns,
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        size = path.stat().st_size if path.is_file() and not rows else None
        self._tasks = {
            "read": self._progress.add_task(f"reading {path.name}", total=size),
            "check": self._progress.add_task("checking", total=None, visible=False),
            "write": self._progress.add_task("writing", total=None),
        }

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def __call__(self, what: str, done: int) -> None:
        """Show how far it is."""
        self._progress.update(self._tasks[what], completed=done, visible=True)


@contextmanager
def counting(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar on standard error, where that is a terminal.

    Args:
        what: is counted.

    Yields:
        what is told how many are done, and of how many.
    """
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    quiet = not console.is_terminal
    with Progress(
        *columns, TimeElapsedColumn(), console=console, transient=True, disable=quiet
    ) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, whole: bar.update(task, completed=done, total=whole)
