"""Whether two organisations are one: cases, and what holds for all pairs."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mfm.app.matching import org_matcher
from mfm.core.org_likeness import OrgView
from tests.core.matching import compare

CD = {"country": ("CD", "CD")}
WORDS = st.sampled_from(
    "Women Femmes Mujeres نساء Paix Peace Network Réseau Kivu Nord Sud SFP AFP Dushirehamwe"
    " Kenya Uganda Союз 5 12 Foundation ONG".split()
)
NAMES = st.lists(WORDS, min_size=1, max_size=6).map(" ".join)
MAYBE = st.sampled_from([None, "CD", "KE", "UG"])


@pytest.mark.parametrize(
    ("one", "other", "country"),
    [
        ("Femmes pour la Paix et le Développement", "Women for Peace and Development", "CD"),
        ("Association des Femmes pour la Paix (AFP)", "Assoc. des femmes pour la paix", "ML"),
        ("Synergie des Femmes pour les Victimes des Violences", "SFVV", "CD"),
        ("Ligue des Droits de la Femme Tchadienne", "Chadian League for Women's Rights", "TD"),
        ("Réseau Femmes et Justice", "Reseau Femme et Justice asbl", "BI"),
        ("Союз женщин Кыргызстана", "Women's Union of Kyrgyzstan", "KG"),
    ],
)
def test_one_organisation_under_two_names_is_found(one: str, other: str, country: str) -> None:
    assert compare(one, other, country=(country, country)).band == "possible"
    known = {"country": (country, country), "city": ("Abc", "Abc"), "domain": ("a.org", "a.org")}
    assert compare(one, other, **known).band == "strong"


@pytest.mark.parametrize(
    ("one", "other", "countries"),
    [
        ("Women for Peace Kenya", "Women for Peace Uganda", ("KE", "UG")),
        ("Femmes pour la Paix Nord-Kivu", "Femmes pour la Paix Sud-Kivu", ("CD", "CD")),
        ("Kvinna till Kvinna Foundation", "Kvinna till Kvinna Bosnia", ("SE", "BA")),
        ("OXFAM GB", "OXFAM Novib", ("GB", "NL")),
        ("Rede Mulher e Paz", "Rede Mulher e Saúde", ("MZ", "MZ")),
        ("Karen Women Organization", "Kachin Women Association", ("MM", "MM")),
    ],
)
def test_chapters_and_neighbours_are_not_one(
    one: str, other: str, countries: tuple[str, str]
) -> None:
    found = compare(one, other, country=countries)
    assert found.band == "none"
    assert any(reason.startswith("against: ") for reason in found.reasons)


def test_one_number_is_strong_and_two_of_a_register_rule_it_out() -> None:
    same = compare(
        "Alight", "American Refugee Committee", registrations=(("US-EIN-1",), ("us-ein-1",))
    )
    assert same.band == "strong"
    assert same.reasons[0] == "for: the same registration number"
    known = {"city": ("Goma", "Goma"), "domain": ("a.org", "a.org")}
    other = compare(
        "Femmes pour la Paix",
        "Femmes pour la Paix",
        registrations=(("CD-X-1",), ("CD-X-2",)),
        **known,
    )
    assert other.band == "none"
    assert other.reasons[0] == "against: the same register gave them different numbers"
    apart = compare(
        "Femmes pour la Paix",
        "Femmes pour la Paix",
        registrations=(("CD-X-1",), ("CD-Y-2",)),
        **known,
    )
    assert apart.band == "strong"


@pytest.mark.parametrize(
    ("one", "other", "countries", "says"),
    [
        ("KE-NCB-12-3", "KE-NCB-1-23", ("KE", "KE"), "nothing"),  # written otherwise, perhaps
        ("KE-NCB-OP.218", "ke-ncb-op 218", ("KE", "KE"), "one"),
        ("XM-DAC-1-A", "XM-DAC-2-B", ("KE", "KE"), "two"),
        ("12345", "67890", ("KE", "KE"), "nothing"),  # of registers that nobody named
        ("12345", "12345", ("KE", "KE"), "one"),
        ("12345", "12345", ("KE", "FJ"), "nothing"),
    ],
)
def test_a_number_counts_within_its_register(
    one: str, other: str, countries: tuple[str, str], says: str
) -> None:
    found = compare(
        "Rural Women Union",
        "Coastal Fisher League",
        country=countries,
        registrations=((one,), (other,)),
    )
    assert ("for: the same registration number" in found.reasons) == (says == "one")
    different = "against: the same register gave them different numbers"
    assert (different in found.reasons) == (says == "two")
    assert found.band == ("strong" if says == "one" else "none")


@pytest.mark.parametrize("domain", ["gmail.com", "www.facebook.com", "Outlook.fr.", "org"])
def test_a_domain_that_anybody_may_use_proves_nothing(domain: str) -> None:
    names = ("Femmes pour la Paix", "Femmes et Paix")
    told = compare(*names, country=("CD", "CD"), domain=(domain, domain))
    assert told == compare(*names, country=("CD", "CD"))
    own = compare(*names, country=("CD", "CD"), domain=("femmes-paix.cd", "femmes-paix.cd"))
    assert own.band == "strong"


@settings(max_examples=150)
@given(NAMES, NAMES, MAYBE, MAYBE)
def test_names_alone_are_never_strong_and_sides_do_not_matter(
    one: str, other: str, here: str | None, there: str | None
) -> None:
    found = compare(one, other, country=(here, there))
    assert found.band != "strong"
    assert 0 <= found.score <= 1000
    mirrored = compare(other, one, country=(there, here))
    assert (mirrored.score, mirrored.band) == (found.score, found.band)


def test_reasons_say_why_for_people() -> None:
    found = compare(
        "Synergie des Femmes pour la Paix",
        "SFP",
        country=("CD", "CD"),
        city=("Bukavu", "Bukavu"),
    )
    assert "for: same city: Bukavu" in found.reasons
    assert "for: SFP is spelled by the words of Synergie des Femmes pour la Paix" in found.reasons


def test_each_answer_has_a_reason() -> None:
    matcher = org_matcher()
    for name in ("", "...", "A"):
        read = matcher.read(OrgView(name))
        assert matcher.match(read, read).reasons
