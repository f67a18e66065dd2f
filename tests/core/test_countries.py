"""Countries: ISO 3166-1 alpha-2 and XK, against two lists that others publish."""

from pathlib import Path

import pytest
from babel import Locale
from lxml import etree

from mfm.core import allocations, calls, commitments, contributions, costs, parties
from mfm.core.countries import KNOWN, check_places
from mfm.core.earmarks import Earmark
from mfm.core.errors import Invalid
from tests.core.drafts import DAY, ENVELOPE, G, act, invalid, usd

IATI = Path(__file__).parents[3] / "shared/data/iati-standard/codelists/Country.xml"
NO_COUNTRIES = set("AC CP CQ DG EA EU EZ IC QO TA UN XA XB ZZ".split())
"""What CLDR names beside countries: parts reserved by ISO, unions, and what stands for none."""


def test_they_are_the_countries_that_babel_knows() -> None:
    known = {code for code in Locale("en").territories if len(code) == 2 and code.isalpha()}
    assert known - NO_COUNTRIES == KNOWN


def test_they_are_those_of_iati_in_use() -> None:
    if not IATI.exists():
        pytest.skip("IATI's codelists are not beside the repository")
    items = etree.parse(IATI).iter("codelist-item")
    assert {each.findtext("code") for each in items if each.get("status") != "withdrawn"} == KNOWN


@pytest.mark.parametrize("place", ["XX", "UK", "XX-30", "EU", "ZZ"])
def test_a_place_is_in_a_country_that_there_is(place: str) -> None:
    with pytest.raises(Invalid, match="country-unknown") as raised:
        check_places(("KE", place), "/places")
    assert raised.value.pointer == "/places/1"


@pytest.mark.parametrize("place", ["KE", "KE-30", "XK", "002", "298", "africa", "KEN"])
def test_a_region_is_no_country(place: str) -> None:
    assert check_places((place,), "/places") == (place,)


def test_whoever_names_a_country_names_one_that_there_is() -> None:
    elsewhere = Earmark(place=("KE", "XX"))
    signed = commitments.SignCommitment(amount=usd("1.00"), earmark=elsewhere)
    decided = allocations.ApproveAllocation(fund="g", amount=usd("1.00"), earmark=elsewhere)
    spent = costs.PayCost(fund="g", kind="direct", amount=usd("1.00"), earmark=elsewhere)
    party = parties.RegisterParty(name="Group", country="XX")
    call = calls.DraftCall(fund="g", title="T", opens_on=DAY, closes_on=DAY, places=("XX",))
    for rule in (
        lambda: contributions.sign(act(), signed, "c", G, None),
        lambda: commitments.sign_outgoing(act(), signed, "w", ENVELOPE, (G, None)),
        lambda: allocations.approve(act(), decided, "a", G, {"c": 100}),
        lambda: costs.pay(act(), spent, "x", G, {"c": 100}),
        lambda: parties.register(act(), party, "group"),
        lambda: calls.draft(act(), call, "k", G, 7),
    ):
        invalid("country-unknown", rule)
