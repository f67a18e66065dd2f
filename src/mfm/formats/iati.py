"""IATI activity files 2.01, 2.02 and 2.03, read as a stream of activities; and their validation.

Published files break the standard in every possible way, so whatever can be taken as written is
taken, with a finding; only a transaction without a usable type, value, currency, date or activity
identifier is left out, with its place and the reason. Source: IATI Standard 2.03, activities.
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from mfm.core.errors import Invalid
from mfm.formats.iati_decode import DECODERS, LANG, Notes, transaction
from mfm.formats.iati_model import (
    Activity,
    Conditions,
    Finding,
    Organisation,
    Refusal,
    Transaction,
    content_digest,
)
from mfm.formats.iati_values import Unusable, flag
from mfm.formats.iati_xml import (
    Element,
    Source,
    attribute,
    line_of,
    opened,
    parts,
    root_of,
    schema_of,
    tree_of,
)

__all__ = [
    "Activity",
    "Finding",
    "Header",
    "Refusal",
    "Transaction",
    "content_digest",
    "header",
    "read",
    "validate",
]

_LISTS = ("iati-activities", "iati-organisations")
_VERSIONS = frozenset({"2.01", "2.02", "2.03"})
_ERRORS_SHOWN = 5
# Children of an activity that are not read, but can be large and must not be kept.
_PASSED_OVER = (
    *("budget", "planned-disbursement", "result", "location", "document-link", "contact-info"),
    *("other-identifier", "country-budget-items", "humanitarian-scope", "tag", "crs-add", "fss"),
    *("legacy-data", "activity-scope", "collaboration-type", "capital-spend"),
)


class Header(Struct, frozen=True):
    """What the root element says: `version` and `generated`, as written, "" where missing."""

    version: str
    generated: str


def header(source: Source) -> Header:
    """Return what the root of an activity file says, reading little further than its start tag.

    The list may stand inside a root of another name, as in what data services answer.

    Raises:
        Invalid: `iati-organisation-file`, `iati-not-activities`, `iati-version` (1.x), or what
            `iati_xml` says of the bytes.
    """
    with opened(source) as stream:
        return _header(root_of(stream, _LISTS)[0])


def read(source: Source) -> Iterator[Activity]:
    """Read an activity file, one activity after another, in document order.

    The file is read while the activities are asked for, so a fault further down is raised only
    when it is reached: to write all or nothing, go through it once before writing anything.

    Raises:
        Invalid: as `header`; a fault in the XML can come after some activities.
    """
    with opened(source) as stream:
        root, head = root_of(stream, _LISTS)
        version, reading = _header(root).version, None
        for element, part in parts(stream, head, ("transaction", *DECODERS, *_PASSED_OVER)):
            if reading is None:
                reading, version = _Reading(element, version), "2.03"  # told once, in the first
            if part is not None:
                reading.take(part)
                continue
            yield reading.activity()
            reading = None


def validate(source: Source, schemas: Path) -> None:
    """Check a file against the standard's own schema, of which the user has a copy.

    Args:
        source: the file, held as a tree while it is checked (`iati_xml.TREE_BYTES_MAX`).
        schemas: folder with iati-activities-schema.xsd and the two files it includes.

    Raises:
        Invalid: `iati-schema` with the first errors and their lines; `schemas-unreadable`; as
            `header`.
    """
    schema = schema_of(schemas)
    with opened(source) as stream:
        root, head = root_of(stream, _LISTS)
        _header(root)
        tree = tree_of(stream, head)
    if not schema.validate(tree):
        errors = sorted(schema.error_log, key=lambda error: error.line)
        shown = "; ".join(f"line {error.line}: {error.message}" for error in errors[:_ERRORS_SHOWN])
        raise Invalid("iati-schema", f"{len(errors)} errors against the IATI schema: {shown}")


def _header(root: Element) -> Header:
    if root.tag == "iati-organisations":
        detail = "This is an IATI organisation file; only activity files hold transactions."
        raise Invalid("iati-organisation-file", detail)
    if root.tag != "iati-activities":
        detail = f"The root element is {root.tag[:100]}, and no iati-activities begins in it."
        raise Invalid("iati-not-activities", detail)
    version = attribute(root, "version").strip()
    if version.startswith("1."):
        detail = f"The file is IATI {version[:20]}; it must be 2.01, 2.02 or 2.03."
        raise Invalid("iati-version", detail)
    return Header(version, attribute(root, "generated-datetime"))


class _Reading:
    """An activity while it is read: what its parts said so far."""

    def __init__(self, element: Element, version: str) -> None:
        self.element, self.line, self.notes = element, line_of(element), Notes()
        self.said: dict[str, list[Any]] = defaultdict(list)
        self.transactions: list[Transaction] = []
        self.refused: list[tuple[int, int, str]] = []
        self.default_currency = attribute(element, "default-currency")
        if version not in _VERSIONS:
            detail = f'The file says version "{version[:20]}"; it is read as 2.03.'
            self.notes.add("version-unknown", element, detail)

    def take(self, part: Element) -> None:
        """Decode a child of the activity and keep what it says."""
        if part.tag == "transaction":
            self._take_transaction(part)
        elif decode := DECODERS.get(part.tag):
            self.said[part.tag].append(decode(part, self.notes))

    def _take_transaction(self, part: Element) -> None:
        ordinal, known = len(self.transactions) + len(self.refused) + 1, len(self.notes.kept)
        try:
            taken = transaction(part, ordinal, self.default_currency, self.notes)
        except Unusable as reason:
            del self.notes.kept[known:]  # what is left out is told once, with its reason
            self.refused.append((ordinal, line_of(part), reason.code))
        else:
            self.transactions.append(taken)

    def activity(self) -> Activity:
        """Return the whole, once the element has ended."""
        said, element = self.said, self.element
        identifier = self._only("iati-identifier", "")
        reporting, secondary = self._only("reporting-org", (Organisation(), None))
        transactions, refused = self._usable(identifier)
        return Activity(
            identifier=identifier,
            line=self.line,
            reporting=reporting,
            secondary_reporter=secondary,
            title=self._only("title", ()),
            description=tuple(text for texts in said["description"] for text in texts),
            lang=attribute(element, LANG),
            default_currency=self.default_currency,
            hierarchy=attribute(element, "hierarchy"),
            humanitarian=flag(attribute(element, "humanitarian")),
            status=self._only("activity-status", ""),
            dates=tuple(said["activity-date"]),
            participants=tuple(said["participating-org"]),
            sectors=tuple(said["sector"]),
            policy_markers=tuple(said["policy-marker"]),
            recipient_countries=tuple(said["recipient-country"]),
            recipient_regions=tuple(said["recipient-region"]),
            default_flow_type=self._only("default-flow-type", ""),
            default_finance_type=self._only("default-finance-type", ""),
            default_aid_types=tuple(said["default-aid-type"]),
            default_tied_status=self._only("default-tied-status", ""),
            conditions=self._only("conditions", Conditions()),
            related=tuple(said["related-activity"]),
            transactions=transactions,
            refused=refused,
            # Last, because the lines above still find what is repeated or missing.
            findings=tuple(Finding(c, identifier, n, d) for c, n, d in self.notes.kept),
        )

    def _only(self, tag: str, default: Any) -> Any:  # noqa: ANN401 - what the tag's decoder gives
        values = self.said[tag]
        if len(values) > 1:
            detail = f"{tag} is given {len(values)} times; the first is taken."
            self.notes.kept.append(("element-repeated", self.line, detail))
        return values[0] if values else default

    def _usable(self, identifier: str) -> tuple[tuple[Transaction, ...], tuple[Refusal, ...]]:
        """Without an identifier there is no book to put a transaction into."""
        nameless = [] if identifier else self.transactions
        refused = self.refused + [(t.ordinal, t.line, "identifier-missing") for t in nameless]
        kept = tuple(self.transactions) if identifier else ()
        return kept, tuple(Refusal(identifier, *where) for where in sorted(refused))
