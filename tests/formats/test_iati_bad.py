"""Hostile, broken, huge and foreign files: a clear refusal, bounded memory, and nothing else."""

import gzip
import io
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfm.core.errors import Invalid
from mfm.formats import iati, iati_xml

STANDARD = Path(__file__).parents[2] / "../shared/data/iati-standard"
TESTS = STANDARD / "schema-tests/tests"
needs_standard = pytest.mark.skipif(
    not TESTS.is_dir(), reason=f"no IATI schemas and schema tests in {STANDARD}"
)

needs_proc = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="peak memory is read from Linux's /proc"
)

ONE = (
    b'<transaction ref="t"><transaction-type code="3"/>\n'
    b'<transaction-date iso-date="2020-01-05"/>\n'
    b'<value currency="EUR" value-date="2020-01-05">12.345</value>\n'
    b"<description><narrative>Part of the grant</narrative></description>\n"
    b'<receiver-org ref="N/A"><narrative>A group</narrative></receiver-org>\n</transaction>\n'
)
OPEN = (
    b'<iati-activities version="2.03">\n<iati-activity>\n<iati-identifier>A-1</iati-identifier>\n'
)
CLOSE = b"</iati-activity>\n</iati-activities>\n"
LAUGHS = b"".join(
    b'<!ENTITY %c "%s">' % (98 + i, b"&%c;" % (97 + i) * 10) for i in range(9)
)  # b is ten a, c is ten b ...: j is 10^9 a


def refused(xml: bytes) -> Invalid:
    with pytest.raises(Invalid) as caught:
        list(iati.read(io.BytesIO(xml)))
    return caught.value


@pytest.mark.parametrize(
    ("xml", "code"),
    [
        (b"", "xml-malformed"),
        (b"   \n", "xml-malformed"),
        (b"hello", "xml-malformed"),
        (b"{}", "xml-malformed"),
        (OPEN, "xml-malformed"),
        (OPEN + ONE + CLOSE[:-5], "xml-malformed"),
        (OPEN + b"<title></description>" + CLOSE, "xml-malformed"),
        (OPEN + CLOSE + b"<more/>", "xml-malformed"),
        (OPEN + b"<x:y/>" + CLOSE, "xml-malformed"),
        (OPEN + b"<title>\0</title>" + CLOSE, "xml-malformed"),
        (OPEN + b"<title><narrative>\xff\xfe</narrative></title>" + CLOSE, "xml-encoding"),
        (b'<?xml version="1.0" encoding="utf-99"?>' + OPEN + CLOSE, "xml-encoding"),
        (OPEN + b"<title>&nbsp;</title>" + CLOSE, "xml-entities"),
        (b"<!DOCTYPE iati-activities>" + OPEN + CLOSE, "xml-entities"),
        ("<!DOCTYPE iati-activities><a/>".encode("utf-16"), "xml-entities"),
        (b'<!DOCTYPE a [<!ENTITY a "aaa">' + LAUGHS + b"]><a>&j;</a>", "xml-entities"),
        (b'<!DOCTYPE a [<!ENTITY a "aaa">' + LAUGHS + b']><a b="&j;"/>', "xml-entities"),
        (b"<a>" * 10_000, "iati-not-activities"),
        (OPEN + b"<title>" * 10_000, "xml-too-deep"),
        (b"<iati-activities " + b'a="b" ' * 400_000, "xml-too-large"),
        (b"<iati-activities a='' a=''/>", "xml-malformed"),
        (b"<iati-activities a='" + b"b" * 2_000_000 + b"'/>", "xml-too-large"),
        (OPEN + b"<title>" + b"x" * 20_000_000, "xml-too-large"),
        (OPEN + b"<result>" + b"<a/>" * 5_000_000, "xml-too-large"),
        (OPEN + b"<a/>" * 5_000_000, "xml-too-large"),
        (
            OPEN + b"<title><narrative>" + b"x" * 1_048_577 + b"</narrative></title>",
            "xml-too-large",
        ),
        (OPEN + b"<sector code='" + b"x" * 65_537 + b"'/>", "xml-too-large"),
        (gzip.compress(OPEN + CLOSE, mtime=0), "file-compressed"),
        (b"PK\x03\x04" + b"\0" * 30, "file-compressed"),
        (b"<iati-organisations version='2.03'/>", "iati-organisation-file"),
        (b"<html/>", "iati-not-activities"),
        (b"<iati-activities xmlns='urn:x' version='2.03'/>", "iati-not-activities"),
        (b"<iati-activities version='1.05'/>", "iati-version"),
    ],
)
def test_a_bad_file_is_refused_with_its_own_code(xml: bytes, code: str) -> None:
    assert refused(xml).code == code


def test_the_message_names_the_line() -> None:
    assert "Line 4:" in refused(OPEN + b"<title></x>" + CLOSE).detail
    assert "Line 5:" in refused(OPEN + b"\n<title>&nbsp;</title>" + CLOSE).detail


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.xml", tmp_path):
        with pytest.raises(Invalid, match="file-unreadable"):
            list(iati.read(path))


def test_what_came_before_a_fault_has_been_read() -> None:
    reading = iati.read(io.BytesIO(OPEN + ONE + b"</iati-activity>" + b" " * 200_000 + b"<"))
    assert len(next(reading).transactions) == 1
    with pytest.raises(Invalid, match="xml-malformed"):
        next(reading)


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE a SYSTEM "{0}">',
        '<!DOCTYPE a [<!ENTITY % p SYSTEM "{0}"> %p;]>',
        '<!DOCTYPE a [<!ENTITY x SYSTEM "{0}">]>',
    ],
)
def test_no_file_that_a_document_names_is_opened(doctype: str, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"  # whoever opens it to read hangs until somebody writes
    os.mkfifo(pipe)
    path = tmp_path / "file.xml"
    path.write_text(doctype.format(pipe.as_uri()) + "<iati-activities>&x;</iati-activities>")
    code = (
        "import sys, pathlib\n"
        "from mfm.formats import iati\n"
        "list(iati.read(pathlib.Path(sys.argv[1])))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path], timeout=30, capture_output=True, text=True, check=False
    )
    assert "Invalid: xml-entities" in done.stderr


class Endless(io.RawIOBase):
    """A stream that never ends, and counts what was taken of it."""

    def __init__(self, start: bytes, again: bytes) -> None:
        self.rest, self.again, self.taken = start, again, 0

    def read(self, size: int = -1) -> bytes:
        while len(self.rest) < size:
            self.rest += self.again * (1 + size // len(self.again))
        chunk, self.rest = self.rest[:size], self.rest[size:]
        self.taken += size
        return chunk


@pytest.mark.parametrize(
    ("start", "again"),
    [
        (b"", b" \n"),
        (b"<!-- ", b"x"),
        (b"<!DOCTYPE a [", b'<!ENTITY e "e">'),
        (b"<iati-activities ", b"a"),
        (OPEN, b" "),
        (OPEN, b"<!-- x -->"),
        (OPEN + b"<transaction>", b"<sector/>"),
        (OPEN + b"<result>", b"<title/><transaction></transaction>"),
        (OPEN + b"<iati-activity>", b"<sector/><transaction></transaction>"),
        (OPEN + b"<iati-activities>", b"<iati-activity><sector/></iati-activity>"),
        (b"<result>", b"<query/>"),
    ],
)
def test_an_endless_stream_is_left_after_a_few_megabytes(start: bytes, again: bytes) -> None:
    stream = Endless(start, again)
    with pytest.raises(Invalid):
        list(iati.read(stream))
    assert stream.taken <= iati_xml.PART_BYTES_MAX + 2**21


def test_an_endless_activity_is_left_at_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(iati_xml, "ACTIVITY_BYTES_MAX", 2**20)
    with pytest.raises(Invalid, match="xml-too-large"):
        list(iati.read(Endless(OPEN, ONE)))


@given(st.data())
def test_damaged_bytes_give_activities_or_invalid_and_nothing_else(data: st.DataObject) -> None:
    xml = bytearray(OPEN + ONE + ONE + CLOSE)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(xml) - 1))
        xml[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    with suppress(Invalid):
        list(iati.read(io.BytesIO(bytes(xml))))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
def test_the_size_of_the_pieces_does_not_matter(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    xml = OPEN + ONE * 5 + CLOSE
    whole = list(iati.read(io.BytesIO(xml)))
    monkeypatch.setattr(iati_xml, "CHUNK_BYTES", size)
    assert list(iati.read(Trickle(xml, size))) == whole


class Trickle(io.BytesIO):
    """A stream that gives a few bytes at a time, as a socket may."""

    def __init__(self, xml: bytes, size: int) -> None:
        super().__init__(xml)
        self.size = size

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(self.size, size or -1))


@pytest.mark.parametrize(
    "one",
    [
        b"<transaction>\n\n%(type)s\n%(date)s\n<value>1</value>\n</transaction>\n",
        b"<transaction>%(type)s\n%(date)s<value>1</value></transaction>\n\n\n\n",
        b"<transaction><value>\n\n1</value>%(type)s%(date)s</transaction>\n",
        b"<transaction>%(type)s<value>1</value>%(date)s</transaction>\n",
        b'<transaction>%(type)s%(date)s<receiver-org ref="N/A"/>\n<value>1</value></transaction>\n',
    ],
)
def test_lines_beyond_65535_are_right(one: bytes) -> None:
    dated = b'<transaction-date iso-date="2020-01-05"/>'
    one %= {b"type": b'<transaction-type code="3"/>', b"date": dated}
    count = 90_000 // one.count(b"\n")
    xml = OPEN.replace(b"<iati-activity", b'<iati-activity default-currency="EUR"') + one * count
    (read,) = iati.read(io.BytesIO(xml + CLOSE))
    lines = [transaction.line for transaction in read.transactions]
    assert lines == [4 + i * one.count(b"\n") for i in range(count)]
    assert lines[-1] > 65_535
    junk = [finding.line for finding in read.findings if finding.code != "version-unknown"]
    assert junk in ([], lines)


MEASURE = """
import io, pathlib, re, sys
from mfm.formats import iati
def peak_kib():
    # Not ru_maxrss: that one is inherited from the process that started us.
    return int(re.search(r"VmHWM:\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1])
class Many(io.RawIOBase):
    def __init__(self, pieces): self.pieces = pieces
    def read(self, size=-1): return next(self.pieces, b"")
start, one, end, count = (sys.argv[1].encode(), sys.argv[2].encode(), sys.argv[3].encode(),
                          int(sys.argv[4]))
pieces = (piece for part in ([start], (one % {b"i": b"%d" % i} for i in range(count)), [end])
          for piece in part)
list(iati.read(io.BytesIO(start + end)))
before = peak_kib()
found = sum(len(activity.transactions) for activity in iati.read(Many(pieces)))
print(found, peak_kib() - before)
"""


def measured(start: bytes, one: bytes, end: bytes, count: int) -> tuple[int, int]:
    """Read a generated file in a process of its own: transactions found, peak KiB above idle."""
    parts = [start.decode(), one.decode(), end.decode(), str(count)]
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *parts], capture_output=True, text=True, check=True
    )
    found, peak = done.stdout.split()
    return int(found), int(peak)


@needs_proc
def test_20_000_transactions_in_one_activity_take_little_memory() -> None:
    one = ONE.replace(b'ref="t"', b'ref="t%(i)s"')
    found, peak_kib = measured(OPEN, one, CLOSE, 20_000)
    assert found == 20_000
    assert 1024 < peak_kib < 40 * 1024


@needs_proc
def test_memory_does_not_grow_with_the_number_of_activities() -> None:
    start, end = OPEN.split(b"<iati-activity>")[0], b"</iati-activities>"
    one = OPEN[len(start) :] + ONE * 10 + b"</iati-activity>"
    (_, few), (found, many) = (measured(start, one, end, count) for count in (100, 3_000))
    assert found == 30_000
    assert 0 < many < few + 4 * 1024


@needs_standard
@pytest.mark.parametrize("folder", ["should-pass", "should-fail"])
def test_schema_tests_of_the_standard(folder: str) -> None:
    # All 284 (one has no ending) are activity files; none of an organisation file is among them.
    paths = [path for path in (TESTS / "activity-tests" / folder).rglob("*") if path.is_file()]
    assert len(paths) == {"should-pass": 58, "should-fail": 226}[folder]
    said = {path: verdict(path) for path in paths}
    allowed = {""} if folder == "should-pass" else {"iati-schema", "xml-malformed"}
    assert {path: code for path, code in said.items() if code not in allowed} == {}


def verdict(path: Path) -> str:
    try:
        iati.validate(path, STANDARD)
    except Invalid as refusal:
        return refusal.code if "line" in refusal.detail.lower() else "no line"
    return ""


@needs_standard
def test_every_schema_test_is_read_or_refused_as_invalid() -> None:
    read = faulty = 0
    for path in TESTS.rglob("*"):
        if path.is_file():
            try:
                list(iati.read(path))
                read += 1
            except Invalid:
                faulty += 1
    assert read + faulty == 284
    assert faulty == 1


@needs_standard
def test_validation_of_an_unreadable_schema_or_file(tmp_path: Path) -> None:
    path = tmp_path / "file.xml"
    path.write_bytes(OPEN + CLOSE)
    with pytest.raises(Invalid, match="schemas-unreadable"):
        iati.validate(path, tmp_path)
    with pytest.raises(Invalid, match=r"iati-schema: \d+ errors .* line \d+: Element"):
        iati.validate(path, STANDARD)
    path.write_bytes(b"<!DOCTYPE iati-activities>" + OPEN + CLOSE)
    with pytest.raises(Invalid, match="xml-entities"):
        iati.validate(path, STANDARD)
