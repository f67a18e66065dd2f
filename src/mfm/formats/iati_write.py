"""IATI 2.03 activity files, written as a stream; and the check of what was written.

Each element stands on a line of its own, so that a fault can be named by its line, and is forgotten
once it is written: memory does not grow with the file.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO, Self

from lxml import etree
from msgspec import Struct

from mfm.core.errors import Invalid
from mfm.formats.iati_elements import head, start_of, tail, transaction
from mfm.formats.iati_model import Activity, Transaction
from mfm.formats.iati_xml import forget, schema_of

VERSION = "2.03"
_XML = {"xml": "http://www.w3.org/XML/1998/namespace"}


class Finding(Struct):
    """Something that could not be written as it was given, and how often.

    Attributes:
        code: stable, kebab-case.
        count: how often.
        ref: identifier of the activity where it was met first.
        detail: one sentence about that first time.
    """

    code: str
    count: int
    ref: str
    detail: str


class Writing:
    """A file while it is written; to be used in a `with` block.

    Attributes:
        findings: by code, whatever could not be written as it was given.
        activities: how many were written.
        transactions: likewise.
    """

    def __init__(self, sink: BinaryIO, generated: str) -> None:
        """Write to an open binary file.

        Args:
            sink: takes the bytes as they come.
            generated: the instant that the file speaks of, as xsd:dateTime.
        """
        self.findings: dict[str, Finding] = {}
        self.activities = self.transactions = 0
        self._stack = ExitStack()
        self._sink, self._generated = sink, generated
        self._file: Any = None
        self._current = Activity(identifier="", line=0)

    def __enter__(self) -> Self:
        """Begin the file."""
        self._file = self._stack.enter_context(etree.xmlfile(self._sink, encoding="utf-8"))
        self._file.write_declaration()
        attributes = {"version": VERSION, "generated-datetime": self._generated}
        self._stack.enter_context(self._file.element("iati-activities", attributes))
        self._file.write("\n")
        return self

    def __exit__(self, *raised: Any) -> None:  # noqa: ANN401, PYI036  # passed on as they come
        """End the file."""
        self._stack.__exit__(*raised)

    @contextmanager
    def activity(self, said: Activity, since: date) -> Iterator[None]:
        """Write an activity; its transactions are written within the block.

        Args:
            said: all of it but its transactions.
            since: the day it is said to have begun where it names no date at all.
        """
        self._current = said
        with self._file.element("iati-activity", start_of(said, self.note), _XML):
            self._file.write("\n")
            for element in head(said, self.note, since):
                self._put(element)
            yield
            for element in tail(said, self.note):
                self._put(element)
        self._file.write("\n")
        self.activities += 1

    def transaction(self, said: Transaction) -> None:
        """Write a transaction of the activity that was begun last."""
        self._put(transaction(said, self.note))
        self.transactions += 1

    def note(self, code: str, detail: str) -> None:
        """Keep that something could not be written as it was given."""
        known = self.findings.setdefault(code, Finding(code, 0, self._current.identifier, detail))
        known.count += 1

    def _put(self, element: Any) -> None:  # noqa: ANN401  # lxml has no types
        self._file.write(element)
        self._file.write("\n")


def validate(path: Path, schemas: Path) -> None:
    """Check a written file against the standard's schema, line by line, in constant memory.

    Args:
        path: the file.
        schemas: folder with iati-activities-schema.xsd and the two files it includes.

    Raises:
        Invalid: `iati-schema` with the first fault's line and reason; `schemas-unreadable`.
    """
    schema = schema_of(schemas)
    # With resolve_entities=False, lxml would say nothing of a file that is cut short.
    parser = etree.XMLPullParser(events=("end",), schema=schema)
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            parser.feed(line)
            if faults := parser.feed_error_log:
                raise Invalid("iati-schema", f"Line {number}: {faults[0].message}")
            for _, element in parser.read_events():
                forget(element)
    try:
        parser.close()
    except etree.XMLSyntaxError as error:
        raise Invalid("iati-schema", f"At the end: {error.msg}") from None
