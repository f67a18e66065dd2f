"""Countries: the codes of ISO 3166-1 alpha-2, and what a place's code must begin with."""

import re

from mfm.core.errors import Invalid

KNOWN = frozenset(
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ"
    " BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM"
    " DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS"
    " GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN"
    " KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ"
    " MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM"
    " PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV"
    " SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI"
    " VN VU WF WS XK YE YT ZA ZM ZW".split()
)
"""Those in use, and XK: Kosovo has no code of ISO's, and goes by this one in IATI's own list."""

_IN_COUNTRY = re.compile(r"([A-Z]{2})(-.*)?")


def check_country(code: str, pointer: str) -> None:
    """Hold that a code is a country's; "" says none.

    Raises:
        Invalid: `country-unknown`.
    """
    if code and code not in KNOWN:
        raise Invalid("country-unknown", f"{code} is no country of ISO 3166-1.", pointer)


def check_places(places: tuple[str, ...], pointer: str) -> tuple[str, ...]:
    """Return places, each of which that looks like a country or a part of one being so.

    A region's code (UN M49's 002, DAC's 298) looks like neither.

    Raises:
        Invalid: `country-unknown`.
    """
    for at, place in enumerate(places):
        if found := _IN_COUNTRY.fullmatch(place):
            check_country(found[1], f"{pointer}/{at}")
    return places
