"""IATI as it is written: whatever is said, the schema accepts it, and it reads back the same."""

import io
import resource
import sys
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from mfm.core.errors import Invalid
from mfm.formats import iati
from mfm.formats.iati_elements import legal
from mfm.formats.iati_model import (
    Activity,
    ActivityDate,
    Budget,
    Coded,
    Condition,
    Conditions,
    Narrative,
    Organisation,
    Participant,
    PlannedDisbursement,
    PolicyMarker,
    RelatedActivity,
    Transaction,
)
from mfm.formats.iati_write import Writing, validate
from tests.app.importing import DATA

SCHEMAS = DATA / "iati-standard"
needs_schemas = pytest.mark.skipif(not SCHEMAS.is_dir(), reason=f"no IATI schemas in {SCHEMAS}")
ON = date(2020, 1, 5)

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
WORDS = st.sampled_from(["", "1", "99", "2", "DAC", "x y", "\0", "&<\"'>", "]]>", "\ufffe", "٣"])
NARRATIVES = st.lists(
    st.builds(Narrative, TEXTS, st.sampled_from(["", "en", "fr-CA", "en_US", "\x01"])), max_size=2
).map(tuple)
ORGANISATIONS = st.builds(
    Organisation, ref=TEXTS, reported_ref=TEXTS, type=WORDS, activity=TEXTS, names=NARRATIVES
)
CODED = st.builds(
    Coded,
    code=WORDS,
    vocabulary=WORDS,
    vocabulary_uri=st.sampled_from(["", "99", "https://example.org/a?b=%20c", "http://[", "a b:c"]),
    percentage=st.sampled_from(["", "50", "33.3333333333333333", "50 %", ".5", "1" * 40, "-"]),
    narratives=NARRATIVES,
)
SOME = st.lists(CODED, max_size=3).map(tuple)
DATES = st.dates(date(1, 1, 1), date(9999, 12, 31))
TRANSACTIONS = st.builds(
    Transaction,
    ordinal=st.just(0),
    line=st.just(0),
    type=st.sampled_from(["1", "3", "99", "D", "\x02"]),
    date=DATES,
    amount_minor=st.integers(-(2**63), 2**63 - 1),
    currency=st.sampled_from(["EUR", "JPY", "KWD", "Q\0Q", " "]),
    value=st.sampled_from(["", "1.005", "1e3", "-0", "," * 5]),
    value_date=st.none() | DATES,
    ref=TEXTS,
    humanitarian=st.none() | st.booleans(),
    provider=st.none() | ORGANISATIONS,
    receiver=st.none() | ORGANISATIONS,
    description=NARRATIVES,
    sectors=SOME,
    recipient_countries=SOME,
    recipient_regions=SOME,
    disbursement_channel=WORDS,
    flow_type=WORDS,
    finance_type=WORDS,
    aid_types=SOME,
    tied_status=WORDS,
)
ACTIVITIES = st.builds(
    Activity,
    identifier=TEXTS,
    line=st.just(0),
    reporting=ORGANISATIONS,
    secondary_reporter=st.none() | st.booleans(),
    title=NARRATIVES,
    description=NARRATIVES,
    lang=st.sampled_from(["", "en", "not a language"]),
    default_currency=WORDS,
    hierarchy=st.sampled_from(["", "1", "-1", "9" * 12, "two"]),
    humanitarian=st.none() | st.booleans(),
    status=WORDS,
    dates=st.lists(st.builds(ActivityDate, WORDS, st.none() | DATES, TEXTS), max_size=2).map(tuple),
    participants=st.lists(st.builds(Participant, ORGANISATIONS, WORDS, WORDS), max_size=2).map(
        tuple
    ),
    sectors=SOME,
    policy_markers=st.lists(
        st.builds(PolicyMarker, WORDS, WORDS, WORDS, WORDS, NARRATIVES), max_size=2
    ).map(tuple),
    recipient_countries=SOME,
    recipient_regions=SOME,
    default_flow_type=WORDS,
    default_finance_type=WORDS,
    default_aid_types=SOME,
    default_tied_status=WORDS,
    conditions=st.builds(
        Conditions,
        st.none() | st.booleans(),
        st.lists(st.builds(Condition, WORDS, NARRATIVES), max_size=2).map(tuple),
    ),
    related=st.lists(st.builds(RelatedActivity, TEXTS, WORDS), max_size=2).map(tuple),
    budgets=st.lists(
        st.builds(Budget, DATES, DATES, st.integers(0, 2**63 - 1), st.just("EUR"), WORDS, WORDS),
        max_size=1,
    ).map(tuple),
    planned=st.lists(
        st.builds(
            PlannedDisbursement,
            start=DATES,
            amount_minor=st.integers(0, 2**63 - 1),
            currency=st.just("JPY"),
            end=st.none() | DATES,
            type=WORDS,
            provider=st.none() | ORGANISATIONS,
            receiver=st.none() | ORGANISATIONS,
        ),
        max_size=1,
    ).map(tuple),
    transactions=st.lists(TRANSACTIONS, max_size=3).map(tuple),
)


def written(*activities: Activity) -> tuple[bytes, Writing]:
    sink = io.BytesIO()
    with Writing(sink, "2020-01-05T00:00:00Z") as writing:
        for said in activities:
            with writing.activity(said, ON):
                for each in said.transactions:
                    writing.transaction(each)
    return sink.getvalue(), writing


@needs_schemas
@given(said=ACTIVITIES)
def test_the_schema_accepts_whatever_is_said(
    said: Activity, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("iati") / "file.xml"
    path.write_bytes(written(said)[0])
    validate(path, SCHEMAS)


@given(said=ACTIVITIES)
def test_amounts_and_names_read_back_as_they_were_written(said: Activity) -> None:
    (back,) = iati.read(io.BytesIO(written(said)[0]))
    assert back.identifier == legal(said.identifier).strip()
    if back.identifier and not back.refused:
        assert [t.amount_minor for t in back.transactions] == [
            t.amount_minor for t in said.transactions
        ]
    for was, now in zip(said.transactions, back.transactions, strict=False):
        assert (now.date, now.type) == (was.date, legal(was.type))
        if was.provider is not None and now.provider is not None:
            told = was.provider.reported_ref or was.provider.ref
            assert now.provider.reported_ref == legal(told)


def test_what_is_complete_is_written_without_a_finding_and_read_back_whole() -> None:
    org = Organisation("SE-0", "SE-0", "10", "SE-0-1", (Narrative("Ministry", "en"),))
    said = Activity(
        identifier="SE-0-1",
        line=0,
        reporting=structs.replace(org, activity=""),
        title=(Narrative("A title"),),
        description=(Narrative("A description"),),
        lang="en",
        default_currency="SEK",
        hierarchy="1",
        status="2",
        dates=(ActivityDate("2", ON, "2020-01-05"),),
        participants=(Participant(org, "1"),),
        sectors=(Coded("15170", "1", percentage="60"), Coded("15220", "1", percentage="40")),
        policy_markers=(PolicyMarker("1", "1", significance="2"),),
        conditions=Conditions(True, (Condition("1", (Narrative("A condition"),)),)),  # noqa: FBT003  # its one flag
        related=(RelatedActivity("SE-0-2", "2"),),
        transactions=(
            Transaction(
                ordinal=1,
                line=0,
                type="3",
                date=ON,
                amount_minor=-12345,
                currency="SEK",
                value="-123.45",
                value_date=ON,
                ref="7-0",
                provider=org,
                receiver=org,
                description=(Narrative("Paid"),),
            ),
        ),
    )
    xml, writing = written(said)
    (back,) = iati.read(io.BytesIO(xml))
    lines = [structs.replace(each, line=0) for each in back.transactions]
    assert structs.replace(back, line=0, transactions=tuple(lines)) == said
    assert (writing.activities, writing.transactions, writing.findings) == (1, 1, {})


def test_what_is_mended_is_told() -> None:
    _, writing = written(Activity(identifier="X-1", line=0, hierarchy="two"))
    assert writing.findings.keys() == {
        *("activity-dates-missing", "description-missing", "hierarchy-malformed"),
        *("participants-missing", "reporting-org-incomplete", "reporting-org-nameless"),
        *("status-missing", "title-missing"),
    }
    assert writing.findings["title-missing"].ref == "X-1"


@needs_schemas
def test_a_fault_is_named_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "file.xml"
    said = Activity(identifier="X-1", line=0)
    xml = written(said)[0]
    lines = xml.splitlines(keepends=True)
    at = next(n for n, line in enumerate(lines, 1) if b"activity-status" in line)
    path.write_bytes(xml.replace(b"activity-status", b"activity-state"))
    with pytest.raises(Invalid, match=rf"Line {at}: .*activity-state") as raised:
        validate(path, SCHEMAS)
    assert raised.value.code == "iati-schema"
    path.write_bytes(b"".join(lines[:at]))
    with pytest.raises(Invalid, match="At the end"):
        validate(path, SCHEMAS)
    with pytest.raises(Invalid) as raised:
        validate(path, tmp_path)
    assert raised.value.code == "schemas-unreadable"


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """A file of some 20 MB is written; what is held at once may not grow by a quarter of that."""
    path = tmp_path / "large.xml"
    org = Organisation("SE-0", "SE-0", "10", "SE-0-1", (Narrative("Ministry" * 10),))
    one = Transaction(
        ordinal=0,
        line=0,
        type="3",
        date=ON,
        amount_minor=100,
        currency="EUR",
        value="",
        provider=org,
        receiver=org,
    )
    unit = 1024 if sys.platform != "darwin" else 1
    with path.open("wb") as sink, Writing(sink, "2020-01-05T00:00:00Z") as writing:
        with writing.activity(Activity(identifier="X-1", line=0), ON):
            for number in range(45_000):
                writing.transaction(structs.replace(one, ref=str(number)))
                if number == 2_000:
                    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert path.stat().st_size > 20_000_000
    assert grown * unit < 5_000_000
