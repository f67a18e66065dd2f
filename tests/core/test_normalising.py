"""Names read: any script, any language of the field, any text at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfm.core.errors import Invalid
from mfm.core.letters import fold, loose_skeleton, plain, script_of
from mfm.core.lexicons import read as read_lexicon
from mfm.core.normalising import NAME_MAX_UNITS
from tests.core.matching import keys, read


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Femmes pour la Paix", "Women for Peace"),
        ("Women for Peace", "Mujeres por la Paz"),
        ("Women's Peace Network", "شبكة نساء السلام"),
        ("Wanawake kwa Amani", "Жінки за мир"),
        ("Karen Women Organization", "KAREN WOMEN'S ORGANISATION"),
        ("Vétérinaires sans Frontières Suisse", "Veterinaires Sans Frontieres (Switzerland)"),
        ("Duterimbere ONG", "Duterimbere asbl"),
        ("Réseau des femmes d'Afrique", "Rede das mulheres da África"),
        ("東京大学", "University of Tokyo"),
    ],
)
def test_translations_and_spellings_say_the_same_units(one: str, other: str) -> None:
    assert set(keys(one)) == set(keys(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Women for Peace", "Women for Health"),
        ("Nord-Kivu", "Sud-Kivu"),
        ("Women for Peace Niger", "Women for Peace Nigeria"),
        ("Lycée 5", "Lycée 12"),
    ],
)
def test_what_differs_stays_apart(one: str, other: str) -> None:
    assert set(keys(one)) != set(keys(other))


def test_short_forms_are_told_from_words() -> None:
    assert read("SFVS").is_acronym
    assert read("WPM Cambodia").is_acronym
    assert read("Association des Femmes (AFP)").acronyms == {"afp"}
    assert not read("Association des Femmes (AFP)").is_acronym
    assert not read("Duterimbere ONG").acronyms
    assert read("U.N.D.P.").acronyms == {"undp"}
    assert not read("ABAAD RESOURCE CENTRE FOR GENDER").acronyms


def test_letters_of_every_script_fold() -> None:
    assert fold(plain("Українська")) == "ukrainska"
    assert fold(plain("ﬁlles")) == "filles"  # NFKC takes the ligature apart
    assert fold(plain("النساء")) == fold(plain("نساء"))
    assert fold(plain("學會")) == fold(plain("学会"))
    assert loose_skeleton(fold("テクノバ")) == loose_skeleton("technova")
    assert [script_of(name) for name in ("Žene", "Жене", "نساء")] == ["latin", "cyrillic", "arabic"]


@given(st.text(max_size=80))
def test_any_text_is_read(text: str) -> None:
    name = read(text)
    assert name == read(text)
    assert len(name.units) <= NAME_MAX_UNITS
    assert all(unit.text.isascii() or unit.text == "" for unit in name.units)


def test_a_lexicon_names_the_line_that_is_not_in_its_form() -> None:
    with pytest.raises(Invalid, match=r"line-refused: Line 3"):
        read_lexicon("[theme]\npeace = en peace\nno form here\n", "")
