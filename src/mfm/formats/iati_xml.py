"""XML from strangers, read safely: streamed, bounded, without document type, entity or network.

Every limit is on what is held at once, never on the length of a file. Whatever is wrong with the
bytes is told as `Invalid`: `xml-malformed`, `xml-encoding`, `xml-entities` (any DOCTYPE),
`xml-too-deep`, `xml-too-large`, `file-compressed`, `file-unreadable`.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from lxml import etree

from mfm.core.errors import Invalid

Source = BinaryIO | Path
"""An open binary stream, read from where it stands and left open, or the path of a file."""

CHUNK_BYTES = 64 * 1024
PROLOG_BYTES_MAX = 1024 * 1024
"""How much may stand before the root's start tag has ended."""
PART_BYTES_MAX = 8 * 1024 * 1024
"""How much may pass without the end of a child of an activity that we know."""
ACTIVITY_BYTES_MAX = 512 * 1024 * 1024
TREE_BYTES_MAX = 256 * 1024 * 1024
"""How much is held as a tree for validation."""
TEXT_CHARS_MAX = 1024 * 1024
ATTRIBUTE_CHARS_MAX = 64 * 1024

_LINE_MAX = 65535  # libxml2 keeps an element's line in 16 bits
_COMPRESSED = (b"\x1f\x8b", b"PK\x03\x04", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")
_PLACE = re.compile(r", line \d+, column \d+")
_ENCODING_ERRORS = {
    etree.ErrorTypes.ERR_INVALID_ENCODING,
    etree.ErrorTypes.ERR_UNKNOWN_ENCODING,
    etree.ErrorTypes.ERR_UNSUPPORTED_ENCODING,
}


class Element(Protocol):
    """The part of lxml's element that the decoders use."""

    tag: str
    text: str | None
    tail: str | None
    sourceline: int | None

    get: Callable[[str, str], str]
    keys: Callable[[], list[str]]
    itertext: Callable[[], Iterator[str]]

    def __iter__(self) -> Iterator["Element"]: ...
    def __len__(self) -> int: ...


@contextmanager
def opened(source: Source) -> Iterator[BinaryIO]:
    """Open a path, or lend the stream as it is.

    Raises:
        Invalid: `file-unreadable`.
    """
    if not isinstance(source, Path):
        yield source
        return
    try:
        stream = source.open("rb")
    except OSError as error:
        detail = f"{source} cannot be read: {error.strerror}."
        raise Invalid("file-unreadable", detail) from error
    with stream:
        yield stream


def root_of(stream: BinaryIO, wanted: tuple[str, ...] = ()) -> tuple[Element, bytes]:
    """Read as far as the root's start tag; return the root, without children, and the bytes read.

    A document type stands before the root, so it is met, and refused, before any content is.

    Args:
        stream: stands at the beginning of the file.
        wanted: where the root is none of these, and one of them begins within the first
            `PROLOG_BYTES_MAX` bytes, that one is returned: answers of services wrap their lists.

    Raises:
        Invalid: what is wrong with the bytes so far; `xml-entities` for any DOCTYPE.
    """
    root, head = None, bytearray()
    for element in _beginning(stream, head):
        if root is None:
            root = element
        if not wanted or element.tag in wanted:
            return element, bytes(head)
    if root is None:
        raise _too_large(f"No element ends its start tag within {PROLOG_BYTES_MAX} bytes.")
    return root, bytes(head)


def _beginning(stream: BinaryIO, head: bytearray) -> Iterator[Any]:
    """Yield the elements that begin within the first bytes, which are added to `head`."""
    parser, begun = _parser("start"), False
    while len(head) <= PROLOG_BYTES_MAX and (chunk := stream.read(4096)):
        if not head and chunk.startswith(_COMPRESSED):
            raise Invalid("file-compressed", "The file is compressed; unpack it first.")
        head += chunk
        fault = _fault(parser, chunk)
        for _, element in parser.read_events():
            if not begun and element.getroottree().docinfo.internalDTD is not None:
                raise _doctype()
            begun = True
            yield element
        # Where an element has begun, a fault behind it is told by whoever reads on.
        if fault and not begun:
            raise _doctype() if _names_doctype(head) else fault
        if fault:
            return
    if not begun and len(head) <= PROLOG_BYTES_MAX:
        _close(parser)
        raise Invalid("xml-malformed", "The file has no element.")


def parts(
    stream: BinaryIO, head: bytes, tags: tuple[str, ...]
) -> Iterator[tuple[Element, Element | None]]:
    """Stream the rest of an activity file: one child of an activity at a time, then forget it.

    Activities stand in the root, or in lists that the root wraps.

    Args:
        stream: stands behind `head`.
        head: what `root_of` has read.
        tags: children of an activity that are wanted, or large, so that they must be let go.

    Yields:
        (activity, child) for each child, and (activity, None) when the activity has ended. Both
        are empty once the next pair is asked for; an activity keeps its attributes to its end.

    Raises:
        Invalid: what is wrong with the bytes.
    """
    parser = _parser("end", tag=("iati-activity", *tags))
    in_part, in_activity = 0, 0
    for chunk in chain([head], iter(lambda: stream.read(CHUNK_BYTES), b"")):
        _feed(parser, chunk)
        in_part, in_activity = in_part + len(chunk), in_activity + len(chunk)
        for _, element in parser.read_events():
            parent = element.getparent()
            if element.tag == "iati-activity" and _lists(parent):
                yield element, None
                in_part = in_activity = 0
                forget(element)
                _forget_before(parent)
            elif parent is not None and _lists(parent.getparent()):
                yield parent, element
                in_part = 0
                forget(element)
        _bound(in_part, in_activity)
    _close(parser)


def _lists(element: Any) -> bool:  # noqa: ANN401 - lxml has no types
    """Tell whether an element lists activities: it is the root, or stands right in it."""
    if element is None or element.tag != "iati-activities":
        return False
    above = element.getparent()
    return above is None or above.getparent() is None


def elements(
    stream: BinaryIO, head: bytes, tags: tuple[str, ...], parents: tuple[str, ...]
) -> Iterator[Element]:
    """Stream the rest of any XML file: wanted elements one after another, each then forgotten.

    Args:
        stream: stands behind `head`.
        head: what `root_of` has read.
        tags: the local names of the elements wanted, in whatever namespace.
        parents: the local names of what they stand in; the same name elsewhere is not meant.

    Yields:
        each element when it has ended; it is empty once the next one is asked for.

    Raises:
        Invalid: what is wrong with the bytes.
    """
    parser, since = _parser("end", tag=tuple(f"{{*}}{tag}" for tag in tags)), 0
    for chunk in chain([head], iter(lambda: stream.read(CHUNK_BYTES), b"")):
        _feed(parser, chunk)
        since += len(chunk)
        for _, element in parser.read_events():
            parent = element.getparent()
            if parent is not None and local_name(parent) in parents:
                yield element
                since = 0
                forget(element)
        if since > PART_BYTES_MAX:
            raise _too_large(f"{PART_BYTES_MAX} bytes without the end of any {' or '.join(tags)}.")
    _close(parser)


def local_name(element: Element) -> str:
    """Return an element's name without its namespace."""
    return element.tag.rpartition("}")[2]


def tree_of(stream: BinaryIO, head: bytes) -> Any:  # noqa: ANN401 - lxml has no types
    """Read the rest of a file as one tree of at most `TREE_BYTES_MAX` bytes, for validation.

    Raises:
        Invalid: what is wrong with the bytes.
    """
    parser, size = _parser("end", tag="iati-activities"), 0
    for chunk in chain([head], iter(lambda: stream.read(CHUNK_BYTES), b"")):
        size += len(chunk)
        if size > TREE_BYTES_MAX:
            raise _too_large(f"Only files of up to {TREE_BYTES_MAX} bytes are validated.")
        _feed(parser, chunk)
    return _close(parser)


def schema_of(schemas: Path) -> Any:  # noqa: ANN401 - lxml has no types
    """Return the standard's schema for activities, of which the user has a copy.

    Args:
        schemas: folder with iati-activities-schema.xsd and the two files it includes.

    Raises:
        Invalid: `schemas-unreadable`.
    """
    try:
        return etree.XMLSchema(etree.parse(schemas / "iati-activities-schema.xsd"))
    except (OSError, etree.LxmlError) as error:
        detail = f"No IATI schema can be read from {schemas}: {error}."
        raise Invalid("schemas-unreadable", detail) from error


def line_of(element: Element) -> int:
    """Return the line of an element's start tag, from 1, also beyond the 65,535 of libxml2.

    Beyond that libxml2 gives the line at which the next text ends, so the text's own line breaks
    are taken off again; breaks within the tags between are not, and make the line a little late.
    """
    line = element.sourceline or 0
    if line < _LINE_MAX:
        return line
    return line - next(iter(element.itertext()), element.tail or "").count("\n")


def attribute(element: Element, name: str) -> str:
    """Return an attribute as written, "" where it is missing.

    Raises:
        Invalid: `xml-too-large`.
    """
    value = element.get(name, "")
    if len(value) > ATTRIBUTE_CHARS_MAX:
        where = f"Line {line_of(element)}: the attribute {name}"
        raise _too_large(f"{where} is longer than {ATTRIBUTE_CHARS_MAX} characters.")
    return value


def own_text(element: Element) -> str:
    """Return the text an element begins with, without surrounding white space.

    Raises:
        Invalid: `xml-too-large`.
    """
    return _bounded(element, element.text or "")


def all_text(element: Element) -> str:
    """Return the text of an element and of all within it, without surrounding white space.

    Raises:
        Invalid: `xml-too-large`.
    """
    return _bounded(element, "".join(element.itertext()))


def _bounded(element: Element, text: str) -> str:
    if len(text) > TEXT_CHARS_MAX:
        where = f"Line {line_of(element)}: the text of {element.tag}"
        raise _too_large(f"{where} is longer than {TEXT_CHARS_MAX} characters.")
    return text.strip()


def _parser(event: str, **options: object) -> Any:  # noqa: ANN401 - lxml has no types
    etree.clear_error_log()  # push parsers share one, and would tell each other's errors
    # collect_ids=False would be cheaper, but makes libxml2 load external document types.
    return etree.XMLPullParser(
        events=(event,),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,  # else a comment cuts the text it stands in
        remove_pis=True,
        **options,
    )


def _fault(parser: Any, chunk: bytes) -> Invalid | None:  # noqa: ANN401 - lxml has no types
    try:
        parser.feed(chunk)
    except etree.XMLSyntaxError as error:
        return _told(error)
    return None


def _feed(parser: Any, chunk: bytes) -> None:  # noqa: ANN401 - lxml has no types
    if fault := _fault(parser, chunk):
        raise fault


def _close(parser: Any) -> Any:  # noqa: ANN401 - lxml has no types
    try:
        return parser.close()
    except etree.XMLSyntaxError as error:
        raise _told(error) from None


def _told(error: etree.XMLSyntaxError) -> Invalid:
    """Say in our words what libxml2 met."""
    kind, line, message = error.code, error.lineno, error.msg
    if not line and (last := error.error_log.last_error):  # an error told only at the end
        kind, line, message = last.type, last.line, last.message
    found = _PLACE.sub("", " ".join(message.split()))[:200]
    code, advice = "xml-malformed", f"This is no well-formed XML, or is cut short ({found})."
    match kind:
        case etree.ErrorTypes.ERR_RESOURCE_LIMIT if "depth" in message:
            code, advice = "xml-too-deep", "Elements nest more than 256 deep."
        case etree.ErrorTypes.ERR_RESOURCE_LIMIT:
            code, advice = "xml-too-large", "There is more in one place than IATI needs."
        case _ if kind in _ENCODING_ERRORS:
            code, advice = (
                "xml-encoding",
                "This is not in the encoding that the file declares: save it as UTF-8.",
            )
        case etree.ErrorTypes.ERR_UNDECLARED_ENTITY:
            code, advice = (
                "xml-entities",
                "An entity is used that XML does not know: write the character itself.",
            )
        case _:
            pass
    return Invalid(code, f"Line {line}: {advice}")


def _names_doctype(head: bytearray) -> bool:
    # Without the zero bytes UTF-16 reads like ASCII. Only the choice of message hangs on this.
    return b"<!DOCTYPE" in head.replace(b"\0", b"")


def _doctype() -> Invalid:
    detail = "The file declares a document type (DOCTYPE), which is not read; remove it."
    return Invalid("xml-entities", detail)


def _too_large(detail: str) -> Invalid:
    return Invalid("xml-too-large", detail)


def _bound(in_part: int, in_activity: int) -> None:
    if in_part > PART_BYTES_MAX:
        raise _too_large(f"{PART_BYTES_MAX} bytes without the end of any part of an activity.")
    if in_activity > ACTIVITY_BYTES_MAX:
        raise _too_large(f"An activity is longer than {ACTIVITY_BYTES_MAX} bytes.")


def forget(element: Any) -> None:  # noqa: ANN401 - lxml has no types
    """Let go of an element and of all that stand before it."""
    # The element itself must stay: libxml2 may still be adding to the text behind it.
    element.clear(keep_tail=True)
    _forget_before(element)


def _forget_before(element: Any) -> None:  # noqa: ANN401 - lxml has no types
    parent = element.getparent()
    while element.getprevious() is not None:
        del parent[0]
