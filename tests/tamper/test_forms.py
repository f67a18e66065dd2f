"""Tampering with the form of things: JSON, notes, names, sizes, keys, attachments."""

import json
import re
from base64 import b64encode
from pathlib import Path

import pytest

from mfm.core.merkle import leaf_hash
from mfm.core.record import MAX_CONTENT_BYTES
from mfm.verifier import WIDTH, checkpoint_of, verify
from tests.tamper.forging import (
    FINE,
    FIRST,
    Files,
    Judge,
    World,
    bundle,
    chained,
    manifest_of,
    put,
    records_of,
    told_of,
)
from tests.tamper.test_tree import PARTY, somebody
from tests.trails import policy_of


def test_case_31_json_that_is_equal_and_not_canonical(
    files: Files, world: World, judge: Judge
) -> None:
    """Even signed with the true key: the same fact has one spelling."""
    plain = records_of(files)
    one = plain[PARTY]
    told = json.loads(one)
    backwards = dict(reversed(told.items()))
    spellings = [
        one.replace(b'"log":', b'"log": '),
        json.dumps(told, separators=(",", ":")).replace("Admin", "\\u0041dmin").encode(),
        json.dumps(backwards, separators=(",", ":")).encode(),
        one.replace(b'"v":"1"}', b'"v":"1","v":"1"}'),
        one.replace(b'"seq":"3","v"', b'"seq":3,"v"'),
        one.replace(b'"seq":"3","v"', b'"seq":"3","u":null,"v"'),
        one + b"\n",
        b"\xef\xbb\xbf" + one,
        one.decode().encode("utf-16"),
    ]
    for spelt in spellings:
        assert spelt != one
        forged = world.signed([*plain[:PARTY], spelt, *plain[PARTY + 1 :]])
        assert judge(forged) == (1, "record-form", PARTY + 1), spelt


def test_case_32_entry_of_one_log_replayed_in_another(
    files: Files, world: World, judge: Judge
) -> None:
    told = told_of(files)
    told[PARTY]["log"] = "mfm/other"
    assert judge(world.signed(chained(told))) == (1, "record-place", PARTY + 1)


def test_case_33_checkpoint_of_one_log_under_anothers_name(
    files: Files, world: World, judge: Judge, tmp_path: Path
) -> None:
    """Signed by the true key, which speaks for one name alone; and by the other name's own key."""
    head = checkpoint_of(files["checkpoint"])
    other = somebody(tmp_path, "mfm/other")
    both = policy_of(world.keys[0][1].vkey, other.vkey)
    stranger = world.note(head.size, head.root, origin="mfm/other")
    theirs = world.note(head.size, head.root, other, origin="mfm/other")
    for note in (stranger, theirs):
        assert judge(files | {"checkpoint": note}, both) == (1, "record-place", 1)
        assert judge(files | {f"checkpoints/{world.size}": note}, both) == (
            1,
            "signature",
            world.size,
        )
        assert judge(files, both, since=note) == (1, "signature", world.size)
        assert judge(files, since=note) == (1, "signature", world.size)


@pytest.mark.parametrize(
    "how",
    ["crlf", "no blank line", "blank line more", "17 signatures", "lone bad", "no end", "control"],
)
def test_case_43_note_malformed(how: str, files: Files, judge: Judge) -> None:
    note = files["checkpoint"].decode()
    text, _, lines = note.partition("\n\n")
    line = lines.split("\n")[0]
    bad = line[:-8] + ("AAAA" if line[-8:-4] != "AAAA" else "BBBB") + line[-4:]
    stranger = f"\u2014 example.org/x {b64encode(bytes(68)).decode()}\n"
    spoilt, code = {
        "crlf": (note.replace("\n", "\r\n"), "note-form"),
        "no blank line": (f"{text}\n{lines}", "note-form"),
        "blank line more": (f"{text}\n\n\n{lines}", "checkpoint-form"),
        "17 signatures": (note + stranger * 17, "note-form"),
        "lone bad": (f"{text}\n\n{line}\n{bad}\n", "signature"),  # of a known key: all is void
        "no end": (note.removesuffix("\n"), "note-form"),
        "control": (note.replace("\u2014", "\u2014\t", 1), "note-form"),
    }[how]
    assert judge(files | {"checkpoint": spoilt.encode()})[:2] == (1, code)
    passed_over = {"checkpoint": (note + stranger).encode()}  # who is unknown says nothing
    assert judge(files | passed_over) == FINE


@pytest.mark.parametrize(
    "name", ["../secret", "/etc/hostname", "a/../../b", "a//b", "a\\b", "", "a/", "a b", "a\x1bb"]
)
def test_case_44_no_path_leads_out_of_the_export(
    name: str, files: Files, world: World, tmp_path: Path
) -> None:
    """In MANIFEST; archives and links have a file of their own."""
    manifest = manifest_of(files) + f"{'0' * 64}  {name}\n".encode()
    code, told = verify(put(files, tmp_path, manifest=manifest), world.policy)
    assert (code, told["problems"][0]["code"]) == (2, "unreadable")


def test_case_44_a_huge_length_prefix(files: Files, judge: Judge) -> None:
    for prefix in (b"\xff\xff", b"\x40\x01", b"\x00\x00"):
        content = prefix + files[FIRST][2:]
        assert judge(files | {FIRST: content}).exit_code == 1


def test_case_45_the_key_in_an_export_is_a_hint_at_most(
    files: Files, world: World, judge: Judge, tmp_path: Path
) -> None:
    """All is signed anew with another key, which the export itself says is the right one."""
    key = somebody(tmp_path, world.mechanism.origin)
    told = [each for each in told_of(files) if each["body"]["verb"] != "trail.rotate-key"]
    told[PARTY]["body"]["sets"]["party"][0]["name"] = "Somebody else"
    forged = world._replace(keys=[(2**62, key)]).signed(chained(told))
    hint = policy_of(key.vkey)
    forged["README"] += hint.encode()
    assert judge(forged, hint) == FINE  # for whoever takes the export's word
    assert judge(forged) == (1, "signature", world.size - 1)


@pytest.mark.parametrize("size", ["0{0}", "+{0}", "{0} ", "1_{0}", "\u0664\u0663\u0665", "-0", ""])
def test_case_46_size_spelt_otherwise(size: str, files: Files, world: World, judge: Judge) -> None:
    head = checkpoint_of(files["checkpoint"])
    text = f"{head.origin}\n{size.format(head.size)}\n{b64encode(head.root).decode()}\n"
    note = f"{text}\n{world.keys[-1][1].line(text.encode())}".encode()
    assert judge(files | {"checkpoint": note}) == (1, "checkpoint-form", None)


def test_case_47_entry_at_and_beyond_the_limits(files: Files, world: World, judge: Judge) -> None:
    """65,535 bytes is the most that a bundle can say; 16 KiB is the most that a record has."""
    told = told_of(files)
    party = told[PARTY]["body"]["sets"]["party"][0]
    room = MAX_CONTENT_BYTES - len(chained(told)[PARTY]) + len(party["name"])
    for length, verdict in (
        (room, FINE),
        (room + 1, (1, "record-form", PARTY + 1)),
        (room + 65_535 - MAX_CONTENT_BYTES, (1, "record-form", PARTY + 1)),
    ):
        party["name"] = "x" * length
        assert judge(world.signed(chained(told))) == verdict


def test_case_48_attachment_swapped(files: Files, judge: Judge) -> None:
    one, other, *_ = sorted(name for name in files if name.startswith("blobs/"))
    assert judge(files | {one: files[other]}) == (1, "stray", None)
    assert judge({name: files[name] for name in files if name != one}) == (1, "stray", None)
    # Or the record tells of another, which is there: then its bytes are not those signed.
    names = [name.removeprefix("blobs/").encode() for name in (one, other)]
    told = bundle([each.replace(*names) for each in records_of(files)][:WIDTH])
    assert told != files[FIRST]
    assert judge(files | {FIRST: told})[0] == 1


def test_case_49_reversal_of_a_later_entry(files: Files, world: World, judge: Judge) -> None:
    """Nor of itself, of one that was taken back, of a refusal, or of none."""
    records = records_of(files)
    told = told_of(files)
    takes = [n for n, each in enumerate(told) if "reverses" in each["body"]]
    first, last = takes[0], takes[-1]
    refused = next(each["seq"] for each in told[:last] if each["outcome"] == "refused")
    for number, earlier in (
        (first, first + 1),
        (first, first + 2),
        (first, world.size),
        (first, 0),
        (first, 9_999),
        (last, refused),
        (last, told[first]["body"]["reverses"]),
    ):
        now = told[number]["body"]["reverses"]
        old, new = (f'"reverses":"{which}"'.encode() for which in (now, earlier))
        other = records[number].replace(old, new)
        found = judge(world.signed(relinked([*records[:number], other, *records[number + 1 :]])))
        assert found == (1, "reversal", number + 1)


def relinked(records: list[bytes]) -> list[bytes]:
    """Return records with their funds' chains mended, and nothing else."""
    last: dict[str, tuple[int, str]] = {}
    found = []
    for told in map(json.loads, records):
        for link in told["chain"]:
            number, leaf = last.get(link["fund"], (0, bytes(32).hex()))
            link |= {"prev": leaf, "seq": str(number + 1)}
        text = json.dumps(told, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        found.append(text.encode())
        for link in told["chain"]:
            last[link["fund"]] = (int(link["seq"]), leaf_hash(found[-1]).hex())
    return found


# What stands beside the tree: its one spelling, too.
LINES = {
    "a text told twice": lambda lines: [another(lines[0]), *lines],
    "a text of no record": lambda lines: [
        re.sub(b'"seq":"[0-9]+"', b'"seq":"0"', lines[0]),
        *lines,
    ],
    "a key told twice": lambda lines: [
        lines[0].replace(b'"value":', b'"value":"x","value":'),
        *lines[1:],
    ],
    "white space": lambda lines: [lines[0].replace(b":", b": ", 1), *lines[1:]],
    "an empty line": lambda lines: [*lines, b"\n"],
    "no line's end": lambda lines: [*lines[:-1], lines[-1].removesuffix(b"\n")],
    "backwards": lambda lines: lines[::-1],
    "one less": lambda lines: lines[1:],
    "far too deep": lambda lines: [*lines, b"[" * 100_000 + b"\n"],
    "far too long a number": lambda lines: [*lines, b"1" * 100_000 + b"\n"],
    "no UTF-8": lambda lines: [*lines, b"\xff\n"],
}


def another(line: bytes) -> bytes:
    """Return an opening of the same field with another text."""
    told = json.loads(line) | {"value": "something else"}
    return json.dumps(told, sort_keys=True, separators=(",", ":")).encode() + b"\n"


@pytest.mark.parametrize("how", LINES)
def test_disclosures_have_one_spelling(how: str, files: Files, judge: Judge) -> None:
    lines = LINES[how](files["disclosures.jsonl"].splitlines(keepends=True))
    forged = b"".join(lines)
    assert forged != files["disclosures.jsonl"]
    assert judge(files | {"disclosures.jsonl": forged}).exit_code == 1


def test_case_23_balances_file_edited(files: Files, judge: Judge) -> None:
    lines = files["balances.jsonl"].splitlines(keepends=True)
    first = json.loads(lines[0])
    for row in (
        [*first[:-1], str(int(first[-1]) + 1)],
        [*first[:-2], "0" + first[-2], first[-1]],
        [*first[:-2], "+" + first[-2], first[-1]],
        [*first[:4], "x", *first[5:]],
        first[1:],
        [],
        {},
        "text",
    ):
        line = json.dumps(row, separators=(",", ":")).encode() + b"\n"
        assert judge(files | {"balances.jsonl": b"".join([line, *lines[1:]])}).exit_code == 1, row
    for less in (lines[1:], lines[:-1], [*lines, lines[0]], []):
        forged = judge(files | {"balances.jsonl": b"".join(less)})
        assert forged == (1, "balance", None)


@pytest.mark.parametrize(
    "name", ["payments.csv", "checkpoints/0", "checkpoints/9999", "tile/0/000.p/12", "tile/9/000"]
)
def test_files_that_no_record_speaks_for_have_no_place(
    name: str, files: Files, judge: Judge
) -> None:
    """Else somebody would read beside the records what nobody has checked."""
    assert judge(files | {name: b"x"}) == (1, "stray", None)
