"""What is read from activity files: real ones and constructed ones."""

import io
from datetime import date
from pathlib import Path
from typing import Any
from xml.parsers import expat

import pytest
from msgspec.structs import replace

from mfm.core.errors import Invalid
from mfm.formats import iati
from mfm.formats.iati import Activity
from tests.formats.iati_sums import sums_of, sums_read

DATA = Path(__file__).parents[2] / "../shared/data/iati-real"
REAL = {
    "women-and-peace-orgs.xml": (12, 183),
    "actionaid-uk-power.xml": (1, 64),
    "foodsecurity/valid-2.03.xml": (7, 63),
    "foodsecurity/dportal.xml": (7, 63),
}

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"no real IATI files in {DATA}")


def lines_of(xml: bytes, tag: str) -> list[int]:
    lines, parser = [], expat.ParserCreate()
    parser.StartElementHandler = lambda name, _: (
        lines.append(parser.CurrentLineNumber) if name == tag else None
    )
    parser.Parse(xml, True)  # noqa: FBT003 - it takes no names
    return lines


def activity_of(
    body: str, attributes: str = 'default-currency="EUR"', version: str = "2.03"
) -> Activity:
    xml = (
        f'<iati-activities version="{version}"><iati-activity {attributes}>'
        f"<iati-identifier> XM-DAC-7-1\n</iati-identifier>{body}</iati-activity></iati-activities>"
    )
    (activity,) = iati.read(io.BytesIO(xml.encode()))
    return activity


def transaction_of(
    value: str = '<value value-date="2020-02-01">1</value>',
    day: str = '<transaction-date iso-date="2020-01-05"/>',
    kind: str = '<transaction-type code="3"/>',
    rest: str = "",
    attributes: str = 'default-currency="EUR"',
) -> tuple[Any, list[str]]:
    """Read one transaction: it, or the code it is refused with, and the codes of the findings."""
    read = activity_of(f"<transaction>{kind}{day}{value}{rest}</transaction>", attributes)
    outcome = read.transactions[0] if read.transactions else read.refused[0].code
    assert len(read.transactions) + len(read.refused) == 1
    return outcome, [finding.code for finding in read.findings]


@needs_data
@pytest.mark.parametrize("name", REAL)
def test_real_files_sum_to_what_the_xml_says(name: str) -> None:
    path = DATA / name
    xml, activities = path.read_bytes(), list(iati.read(path))
    assert (len(activities), sum(len(a.transactions) for a in activities)) == REAL[name]
    assert sums_read(xml) == sums_of(xml)
    assert not [refusal for a in activities for refusal in a.refused]
    assert iati.header(path).version == "2.03"


@needs_data
@pytest.mark.parametrize("name", REAL)
def test_lines_and_ordinals_of_real_files_are_those_of_another_parser(name: str) -> None:
    xml = (DATA / name).read_bytes()
    activities = list(iati.read(DATA / name))
    found = [t.line for a in activities for t in a.transactions]
    assert found == lines_of(xml, "transaction")
    assert [a.line for a in activities] == lines_of(xml, "iati-activity")
    for a in activities:
        assert [t.ordinal for t in a.transactions] == list(range(1, len(a.transactions) + 1))


@needs_data
def test_what_is_odd_in_the_real_files_is_found_with_its_line() -> None:
    found = [f for name in REAL for a in iati.read(DATA / name) for f in a.findings]
    (precision,) = [f for f in found if f.code == "excess-precision"]
    assert (precision.ref, precision.line) == ("LB-MOI-497-XM-DAC-7-PPR-4000003882", 1750)
    assert "1112742.39948867" in precision.detail
    assert "111274240" in precision.detail
    junk = {f.detail.partition(" in ")[0] for f in found if f.code == "organisation-ref-junk"}
    assert junk == {
        '"N/A"',
        '"12000"',
        '"MICT"',
        '"Cotton Tree News"',
        '"Association des Journalistes Scientifiques de Guinée"',
    }
    assert {f.code for f in found} == {"excess-precision", "organisation-ref-junk"}


@needs_data
def test_conditions_and_markers_of_real_files_are_kept() -> None:
    activities = list(iati.read(DATA / "foodsecurity/valid-2.03.xml"))
    attached = [a.conditions for a in activities if a.conditions.attached]
    assert attached
    assert any(c.conditions and c.conditions[0].narratives[0].text for c in attached)
    assert {m.significance for a in activities for m in a.policy_markers} >= {"0", "1", "2"}
    assert any(a.sectors and a.sectors[0].percentage == "100" for a in activities)


def test_an_activity_is_read_whole() -> None:
    body = """
      <reporting-org ref="GB-CHC-1" type="21" secondary-reporter="1"><narrative>R</narrative>
      </reporting-org>
      <title><narrative>Peace</narrative><narrative xml:lang="fr"> Paix </narrative></title>
      <participating-org ref="SE-0" type="10" role="1" activity-id="SE-0-9">
        <narrative>Sida</narrative></participating-org>
      <activity-status code="2"/><activity-date type="1" iso-date="2020-01-01"/>
      <recipient-country code="UG" percentage="33.3"/><recipient-region code="298"/>
      <sector vocabulary="2" code="152" percentage="100"/>
      <policy-marker vocabulary="1" code="1" significance="2"/><policy-marker code="2"/>
      <default-flow-type code="10"/><default-finance-type code="110"/>
      <default-aid-type code="C01" vocabulary="1"/><default-tied-status code="5"/>
      <conditions attached="0"><condition type="1"><narrative>None</narrative></condition>
      </conditions><related-activity type="1" ref="SE-0-9"/>"""
    attributes = 'default-currency="USD" hierarchy="2" humanitarian="true" xml:lang="en"'
    read = activity_of(body, attributes)
    assert (read.identifier, read.default_currency, read.lang) == ("XM-DAC-7-1", "USD", "en")
    assert (read.hierarchy, read.humanitarian, read.status) == ("2", True, "2")
    assert (read.reporting.ref, read.reporting.name) == ("GB-CHC-1", "R")
    assert read.secondary_reporter is True
    assert [(n.lang, n.text) for n in read.title] == [("", "Peace"), ("fr", "Paix")]
    (sida,) = read.participants
    assert (sida.role, sida.organisation.ref, sida.organisation.activity) == ("1", "SE-0", "SE-0-9")
    assert read.dates[0].on == date(2020, 1, 1)
    assert read.recipient_countries[0].percentage == "33.3"
    assert read.recipient_regions[0].percentage == ""
    assert (read.sectors[0].vocabulary, read.sectors[0].code) == ("2", "152")
    assert [m.significance for m in read.policy_markers] == ["2", ""]
    assert (read.default_flow_type, read.default_finance_type) == ("10", "110")
    assert (read.default_aid_types[0].code, read.default_tied_status) == ("C01", "5")
    assert read.conditions.attached is False
    assert read.conditions.conditions[0].narratives[0].text == "None"
    assert (read.related[0].type, read.related[0].ref) == ("1", "SE-0-9")
    assert read.findings == ()


def test_a_transaction_is_read_whole() -> None:
    rest = """<description><narrative>Tranche 1</narrative></description>
      <provider-org ref="NL-KVK-1" provider-activity-id="NL-KVK-1-a" type="21">
        <narrative>P</narrative></provider-org>
      <receiver-org ref="41301" receiver-activity-id="R-1"><narrative>F</narrative></receiver-org>
      <disbursement-channel code="1"/><sector code="15180" vocabulary="1"/>
      <recipient-country code="LB"/><recipient-region code="298"/><flow-type code="10"/>
      <finance-type code="110"/><aid-type code="C01"/><tied-status code="5"/>"""
    value = '<value currency="USD" value-date="2020-02-01"> -1,234.50 </value>'
    read, findings = transaction_of(value, rest=rest)
    assert (read.amount_minor, read.currency, read.value) == (-123450, "USD", "-1,234.50")
    assert (read.date, read.value_date) == (date(2020, 1, 5), date(2020, 2, 1))
    assert (read.type, read.ref, read.humanitarian) == ("3", "", None)
    assert (read.provider.ref, read.provider.activity) == ("NL-KVK-1", "NL-KVK-1-a")
    assert (read.receiver.ref, read.receiver.reported_ref) == ("", "41301")
    assert (read.receiver.activity, read.receiver.name) == ("R-1", "F")
    assert (read.description[0].text, read.sectors[0].code) == ("Tranche 1", "15180")
    assert (read.recipient_countries[0].code, read.recipient_regions[0].code) == ("LB", "298")
    assert (read.disbursement_channel, read.flow_type, read.finance_type) == ("1", "10", "110")
    assert (read.aid_types[0].code, read.tied_status) == ("C01", "5")
    assert findings == ["organisation-ref-junk"]


@pytest.mark.parametrize(
    ("value", "currency", "minor", "codes"),
    [
        ("0", "EUR", 0, []),
        ("0.005", "EUR", 0, ["excess-precision"]),
        ("0.015", "EUR", 2, ["excess-precision"]),
        ("-0.005", "EUR", 0, ["excess-precision"]),
        ("-0.0051", "EUR", -1, ["excess-precision"]),
        ("100.000", "EUR", 10000, []),
        ("2.5", "JPY", 2, ["excess-precision"]),
        ("1.2345", "CLF", 12345, []),
        ("1.2345", "KWD", 1234, ["excess-precision"]),
        ("1,234,567.89", "EUR", 123456789, []),
        ("1.234,50", "EUR", 123, ["excess-precision", "value-separators"]),
        ("007", "EUR", 700, []),
        ("92233720368547758.07", "EUR", 2**63 - 1, []),
        ("-92233720368547758.08", "EUR", -(2**63), []),
        ("1", "eur", 100, ["unknown-currency"]),
        ("1", " ", 100, ["unknown-currency"]),
        ("1<!-- thousand -->000<?x y?><![CDATA[.5]]>", "EUR", 100050, []),
    ],
)
def test_values(value: str, currency: str, minor: int, codes: list[str]) -> None:
    read, findings = transaction_of(f'<value currency="{currency}">{value}</value>')
    assert (read.amount_minor, read.currency, findings) == (minor, currency, codes)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("", "value-missing"),
        ("<value/>", "value-missing"),
        ("<value> \n </value>", "value-missing"),
        *(
            (f"<value>{text}</value>", "value-malformed")
            for text in ("1e5", "NaN", "Infinity", "+5", ".5", "5.", "1 000", "--1", "٣", "€5", ",")
        ),
        ("<value>92233720368547758.08</value>", "value-too-large"),
        ("<value>-92233720368547758.09</value>", "value-too-large"),
        (f"<value>{'9' * 500_000}</value>", "value-too-large"),
    ],
)
def test_unusable_values_are_refused(value: str, code: str) -> None:
    assert transaction_of(value) == (code, [])


def test_a_very_long_fraction_is_rounded() -> None:
    read, findings = transaction_of(f"<value>1.005{'0' * 200_000}1</value>")
    assert (read.amount_minor, findings) == (101, ["excess-precision"])


@pytest.mark.parametrize(
    ("day", "value_date", "taken", "codes"),
    [
        ("2020-01-05", "2020-02-01", "2020-01-05", []),
        (None, "2020-02-01", "2020-02-01", ["date-missing"]),
        ("", "2020-02-01", "2020-02-01", ["date-missing"]),
        ("2020-01-05Z", "", "2020-01-05", ["date-format"]),
        ("2020-01-05+03:00", "", "2020-01-05", ["date-format"]),
        ("2020-01-05T00:00:00", "", "2020-01-05", ["date-format"]),
        ("2020-1-5", "", "2020-01-05", ["date-format"]),
        ("2020/01/05", "", "2020-01-05", ["date-format"]),
        ("20200105", "", "2020-01-05", ["date-format"]),
        ("05/01/2020", "2020-02-01", "2020-02-01", ["date-malformed"]),
        ("2020-02-30", "2020-02-28", "2020-02-28", ["date-malformed"]),
        ("2020-01-05", "soon", "2020-01-05", ["date-malformed"]),
    ],
)
def test_dates(day: str | None, value_date: str, taken: str, codes: list[str]) -> None:
    dated = "" if day is None else f'<transaction-date iso-date="{day}"/>'
    read, findings = transaction_of(f'<value value-date="{value_date}">1</value>', dated)
    assert (str(read.date), findings) == (taken, codes)


@pytest.mark.parametrize(
    ("day", "code"),
    [("", "date-missing"), ("soon", "date-malformed"), ("2020-013-1", "date-malformed")],
)
def test_a_transaction_without_any_date_is_refused(day: str | None, code: str) -> None:
    assert transaction_of("<value>1</value>", f'<transaction-date iso-date="{day}"/>')[0] == code
    assert transaction_of("<value>1</value>", "")[0] == "date-missing"


def test_types_are_kept_as_written_and_unknown_ones_found() -> None:
    assert transaction_of(kind='<transaction-type code="14"/>')[1] == ["unknown-transaction-type"]
    assert transaction_of(kind='<transaction-type code="D"/>')[0].type == "D"
    assert transaction_of(kind='<transaction-type code=""/>')[0] == "type-missing"
    assert transaction_of(kind="")[0] == "type-missing"
    assert transaction_of(attributes="")[0] == "currency-missing"


def test_repeated_elements_are_found_and_the_first_is_taken() -> None:
    read, findings = transaction_of("<value>1</value><value>2</value>")
    assert (read.amount_minor, findings) == (100, ["element-repeated"])
    twice = activity_of("<iati-identifier>other</iati-identifier>")
    assert (twice.identifier, twice.findings[0].code) == ("XM-DAC-7-1", "element-repeated")


@pytest.mark.parametrize(
    "ref",
    ["GB-COH-294860", "XI-IATI-EC_INTPA", "NL-KVK-27108436", "SE-0", "XM-DAC-41301", "CA_AB-ABT-1"],
)
def test_well_formed_references_are_keys(ref: str) -> None:
    read, findings = transaction_of(rest=f'<provider-org ref=" {ref} "/>')
    assert (read.provider.ref, read.provider.reported_ref, findings) == (ref, f" {ref} ", [])


@pytest.mark.parametrize(
    "ref",
    [
        *("N/A", "n/a", "", " ", "0", "-", "none", "41301", "15170", "12000", "EU", "XX", "GB-"),
        *("GB-COH-", "GB-COH-N/A", "Cotton Tree News", "to-be-confirmed", "GB-COH-12 34"),
    ],
)
def test_junk_references_are_no_keys_but_stay_readable(ref: str) -> None:
    read, findings = transaction_of(rest=f'<receiver-org ref="{ref}"/>')
    assert (read.receiver.ref, read.receiver.reported_ref) == ("", ref)
    assert findings == ["organisation-ref-junk"]


def test_no_reference_at_all_is_nothing_odd() -> None:
    read, findings = transaction_of(rest="<receiver-org><narrative>A</narrative></receiver-org>")
    assert (read.receiver.ref, read.receiver.name, findings) == ("", "A", [])


def test_transactions_of_an_activity_without_identifier_are_refused_in_order() -> None:
    good = (
        '<transaction><transaction-type code="3"/><transaction-date iso-date="2020-01-05"/>'
        '<value currency="EUR">1</value></transaction>'
    )
    body = f"<iati-activity>{good}<transaction/>{good}</iati-activity>"
    xml = f"<iati-activities>{body}</iati-activities>"
    (read,) = iati.read(io.BytesIO(xml.encode()))
    assert read.transactions == ()
    assert [(r.ordinal, r.code) for r in read.refused] == [
        (1, "identifier-missing"),
        (2, "type-missing"),
        (3, "identifier-missing"),
    ]
    assert [finding.code for finding in read.findings] == ["version-unknown"]


def test_a_list_that_a_service_wraps_is_read() -> None:
    """A data service answers with its own root, and a query, around the list of activities."""
    one, two = (
        f"<iati-activity><iati-identifier>A-{number}</iati-identifier><title><narrative>T"
        f'</narrative></title><transaction><transaction-type code="1"/><transaction-date iso-date='
        f'"2020-01-01"/><value currency="EUR">{number}</value></transaction></iati-activity>'
        for number in (1, 2)
    )
    activities = '<iati-activities version="2.03" generated-datetime="2020-02-01T00:00:00Z">{}'
    xml = (
        "<result><ok>True</ok>"
        + activities.format(f"<query><limit>50</limit></query>{one}</iati-activities>")
        + activities.format(f"{two}</iati-activities></result>")
    ).encode()
    assert iati.header(io.BytesIO(xml)) == iati.Header("2.03", "2020-02-01T00:00:00Z")
    found = [
        (each.identifier, [t.value for t in each.transactions])
        for each in iati.read(io.BytesIO(xml))
    ]
    assert found == [("A-1", ["1"]), ("A-2", ["2"])]
    with pytest.raises(Invalid, match=r"1\.05"):
        iati.header(io.BytesIO(xml.replace(b'version="2.03"', b'version="1.05"')))


def test_an_identifier_may_follow_the_transactions_and_ordinals_count_all() -> None:
    xml = (
        '<iati-activities version="2.01"><iati-activity><transaction/><transaction>'
        '<transaction-type code="1"/><value currency="EUR" value-date="2020-01-01">5</value>'
        "</transaction><iati-identifier>A-1</iati-identifier></iati-activity></iati-activities>"
    )
    (read,) = iati.read(io.BytesIO(xml.encode()))
    assert [t.ordinal for t in read.transactions] == [2]
    assert (read.refused[0].activity, read.refused[0].ordinal) == ("A-1", 1)
    assert [(f.ref, f.code) for f in read.findings] == [("A-1", "date-missing")]


def test_the_content_digest_forgets_the_place_and_nothing_else() -> None:
    one, _ = transaction_of()
    digest = iati.content_digest(one)
    assert len(digest) == 32
    assert iati.content_digest(replace(one, ordinal=9, line=99)) == digest
    for change in ({"ref": "x"}, {"value": "1.0"}, {"humanitarian": False}, {"tied_status": "5"}):
        assert iati.content_digest(replace(one, **change)) != digest
