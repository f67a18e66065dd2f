"""Records: canonical bytes that anybody can make again, and states that come back as they were."""

import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from hashlib import sha256

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import inspect, structs

from mfm.core.accounts import Account
from mfm.core.errors import Invalid
from mfm.core.merkle import leaf_hash
from mfm.core.nouns import KINDS, NOUNS
from mfm.core.record import (
    MAX_CONTENT_BYTES,
    Noun,
    Posting,
    canonical,
    check_size,
    commitment,
    instant,
    parse,
    placed,
    plain,
    plain_posting,
    plain_struct,
    posting_of,
    restore,
)

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
keys = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=8)
profile = st.recursive(
    text | st.booleans(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=20,
)
anything = st.recursive(  # JSON as our Structs make it: null is a field's value, never an item
    text | st.booleans() | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(keys, inner | st.none(), max_size=4)
    ),
    max_leaves=20,
)


def others_canonical(value: object) -> bytes:
    """RFC 8785 as far as the profile reaches, by another encoder."""
    told = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return told.encode()


@given(profile)
def test_canonical_bytes_are_those_of_rfc_8785(value: object) -> None:
    assert canonical(value) == others_canonical(value)
    assert json.loads(canonical(value)) == value


def test_canonical_bytes_by_example() -> None:
    value = {"b": ["x", True], "a": {"é": '"\\\n\x00\x1f', "A": ""}, "_": "𝄞"}
    wanted = '{"_":"𝄞","a":{"A":"","é":"\\"\\\\\\n\\u0000\\u001f"},"b":["x",true]}'
    assert canonical(value) == wanted.encode()


def numbers_in(value: object) -> bool:
    if isinstance(value, dict):
        return any(map(numbers_in, value.values()))
    if isinstance(value, list):
        return any(map(numbers_in, value))
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


@given(anything)
def test_plain_leaves_no_number_behind(value: object) -> None:
    told = plain(value)
    assert not numbers_in(told)
    assert plain(told) == told


def test_plain_writes_integers_as_strings_and_drops_what_is_absent() -> None:
    told = plain({"a": 5, "b": None, "c": (1, True, "x"), "d": {"e": -(2**63)}})
    assert told == {"a": "5", "c": ["1", True, "x"], "d": {"e": "-9223372036854775808"}}


SIMPLE: dict[type[inspect.Type], st.SearchStrategy[object]] = {
    inspect.StrType: text,
    inspect.IntType: st.integers(-(2**63), 2**63 - 1),
    inspect.BoolType: st.booleans(),
    inspect.NoneType: st.none(),
    inspect.DateType: st.dates(),
    inspect.DateTimeType: st.datetimes(timezones=st.just(UTC)),
}


def values(kind: inspect.Type) -> st.SearchStrategy[object]:
    """Any value that a type allows, whether or not it makes sense."""
    match kind:
        case inspect.UnionType():
            made = st.one_of(map(values, kind.types))
        case inspect.StrType(pattern=str()):
            made = st.from_regex(kind.pattern, fullmatch=True)
        case inspect.LiteralType():
            made = st.sampled_from(kind.values)
        case inspect.VarTupleType():
            most = min(3, kind.max_length or 3)
            made = st.lists(values(kind.item_type), max_size=most).map(tuple)
        case inspect.StructType():
            made = st.builds(kind.cls, **{each.name: values(each.type) for each in kind.fields})
        case _:
            made = SIMPLE[type(kind)]
    return made


NOUN_VALUES = {kind: values(inspect.type_info(noun)) for kind, noun in NOUNS.items()}


@pytest.mark.parametrize("kind", NOUNS)
@given(data=st.data())
def test_every_noun_comes_back_from_its_record(kind: str, data: st.DataObject) -> None:
    noun = data.draw(NOUN_VALUES[kind])
    told = msgspec.json.decode(canonical(plain_struct(noun)))
    assert restore(told, NOUNS[kind]) == noun
    assert not any(map(numbers_in, told.values()))


def test_every_kind_of_noun_is_known_by_one_name() -> None:
    assert {kind: NOUNS[name] for kind, name in KINDS.items()} == {k: k for k in KINDS}
    assert all(issubclass(kind, Noun) for kind in KINDS)
    assert set(KINDS) == set(Noun.__subclasses__())


@given(data=st.data(), seq=st.integers(1, 2**62))
def test_a_state_is_placed_and_not_otherwise_changed(data: st.DataObject, seq: int) -> None:
    noun = data.draw(NOUN_VALUES["pledge"])
    there = placed(noun, seq, seq - 1)
    assert (there.seq, there.prev) == (seq, seq - 1)
    assert structs.replace(there, seq=noun.seq, prev=noun.prev) == noun


accounts = st.builds(
    Account, keys, st.just("FIN"), st.sampled_from(["1100", "4500"]), st.just("USD"), text
)


@given(
    st.builds(
        Posting,
        accounts,
        accounts,
        st.integers(1, 2**63 - 1),
        st.sampled_from(["1", "13"]),
        st.sampled_from([1, -1]),
    )
)
def test_a_posting_comes_back_from_its_record(posting: Posting) -> None:
    assert posting_of(json.loads(canonical(plain_posting(posting)))) == posting
    plainly = structs.replace(posting, iati_type="", iati_sign=1)
    assert posting_of(json.loads(canonical(plain_posting(plainly)))) == plainly


def test_an_instant_has_all_six_digits() -> None:
    assert instant(datetime(2026, 1, 5, 9, 30, tzinfo=UTC)) == "2026-01-05T09:30:00.000000Z"


def test_commitments_to_text_are_salted_and_length_prefixed() -> None:
    salt = bytes(32)
    parts = (b"mfm/commit/v1", b"reason", salt, "été".encode())
    joined = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    wanted = urlsafe_b64encode(sha256(joined).digest()).decode().rstrip("=")
    assert commitment("reason", salt, "été") == wanted
    assert commitment("reasonx", salt, "yz") != commitment("reason", salt, "xyz")
    assert commitment("reason", b"\1" * 32, "été") != wanted


def test_a_leaf_is_domain_separated() -> None:
    assert leaf_hash(b"{}") == sha256(b"\x00{}").digest()


def test_a_record_is_at_most_16_kib() -> None:
    check_size(b"x" * MAX_CONTENT_BYTES)
    with pytest.raises(Invalid) as raised:
        check_size(b"x" * (MAX_CONTENT_BYTES + 1))
    assert raised.value.code == "record-too-large"
    assert MAX_CONTENT_BYTES == 16_384


def test_a_record_reads_back() -> None:
    content = canonical(
        {
            "at": "2026-01-05T09:30:00.000000Z",
            "body": {
                "verb": "pledge.announce",
                "actor": {"key": "k", "party": "p", "role": "donor"},
                "effective_on": "2026-01-05",
                "reverses": "3",
            },
            "chain": [{"fund": "f", "prev": "00" * 32, "seq": "1"}],
            "log": "mfm/t",
            "nonce": "n",
            "outcome": "accepted",
            "seq": "4",
            "v": "1",
        }
    )
    record, body = parse(content)
    assert (record.seq, record.outcome, record.chain[0].fund) == (4, "accepted", "f")
    assert (body.verb, body.reverses, body.actor["role"]) == ("pledge.announce", 3, "donor")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"at":"x"}', b"\xff"])
def test_what_is_no_record_is_not_read(content: bytes) -> None:
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
        parse(content)
