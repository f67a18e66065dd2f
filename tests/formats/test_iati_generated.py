"""Generated activity files: our totals are the standard library's, whatever is in them."""

import io
import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from mfm.formats import iati
from tests.formats.iati_sums import sums_of, sums_read

Activities = list[tuple[str, str, list[dict[str, str]]]]

AMOUNTS = st.one_of(
    st.decimals(min_value=-(10**12), max_value=10**12, places=4).map(lambda d: f"{d:f}"),
    st.integers(-(10**12), 10**12).map("{:,}".format),
    st.sampled_from(["", "x", "1e3", "-", "5.", "  7 ", "0", "-0.5"]),
)
TRANSACTIONS = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["", "1", "2", "3", "7", "11", "13", "99", "D"]),
        "currency": st.sampled_from(["", "EUR", "JPY", "KWD", "CLF", "XOF", "QQQ"]),
        "value": AMOUNTS,
        "date": st.sampled_from(["", "2020-01-05", "2021-12-31Z"]),
        "value_date": st.sampled_from(["", "2020-02-01"]),
    }
)
ACTIVITIES = st.lists(
    st.tuples(
        st.sampled_from(["", "A-1", " A-2 "]),
        st.sampled_from(["", "USD"]),
        st.lists(TRANSACTIONS, max_size=6),
    ),
    max_size=4,
)


def written(activities: Activities) -> bytes:
    root = ET.Element("iati-activities", version="2.03")
    for identifier, currency, transactions in activities:
        activity = ET.SubElement(root, "iati-activity", {"default-currency": currency})
        ET.SubElement(activity, "iati-identifier").text = identifier
        for said in transactions:
            one = ET.SubElement(activity, "transaction")
            ET.SubElement(one, "transaction-type", code=said["type"])
            ET.SubElement(one, "transaction-date", {"iso-date": said["date"]})
            attributes = {"currency": said["currency"], "value-date": said["value_date"]}
            ET.SubElement(one, "value", attributes).text = said["value"]
    return ET.tostring(root)


@given(ACTIVITIES)
def test_totals_are_those_of_the_standard_library(activities: Activities) -> None:
    xml = written(activities)
    assert sums_read(xml) == sums_of(xml)


@given(ACTIVITIES)
def test_every_transaction_is_taken_or_refused_once(activities: Activities) -> None:
    read = list(iati.read(io.BytesIO(written(activities))))
    assert [a.identifier for a in read] == [identifier.strip() for identifier, _, _ in activities]
    for a, (_, _, transactions) in zip(read, activities, strict=True):
        ordinals = sorted(one.ordinal for one in (*a.transactions, *a.refused))
        assert ordinals == list(range(1, len(transactions) + 1))
        for said in a.transactions:
            assert transactions[said.ordinal - 1]["value"].strip() == said.value


@given(ACTIVITIES)
def test_reading_twice_says_the_same(activities: Activities) -> None:
    xml = written(activities)
    assert list(iati.read(io.BytesIO(xml))) == list(iati.read(io.BytesIO(xml)))
