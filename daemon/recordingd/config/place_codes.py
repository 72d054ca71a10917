"""Codes of places that a phone number can tell: countries, states, provinces.

Asked by the reader of Places and by the check of selectors. Of two letters are the countries of
ISO 3166-1, and XK, AC and TA, which have numbering plans of their own; a number tells more only in
the United States and Canada (ISO 3166-2). Never learns who is where.
"""

from __future__ import annotations

_COUNTRIES = """
AC AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS
BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG
EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR
HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR
LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG
NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE
SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TA TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ
UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW
"""
_STATES = """
AK AL AR AZ CA CO CT DC DE FL GA HI IA ID IL IN KS KY LA MA MD ME MI MN MO MS MT NC ND NE NH NJ NM
NV NY OH OK OR PA RI SC SD TN TX UT VA VT WA WI WV WY
"""
_PROVINCES = "AB BC MB NB NL NS NT NU ON PE QC SK YT"

COUNTRIES = frozenset(_COUNTRIES.split())
SUBDIVISIONS = frozenset(
    [f"US-{state}" for state in _STATES.split()]
    + [f"CA-{province}" for province in _PROVINCES.split()]
)
# Codes that people know from elsewhere, as from the names of web sites.
_MEANT = {"UK": "GB", "EL": "GR"}


def is_place_code(text: str) -> bool:
    """Say whether a text is one of the codes."""
    return text in COUNTRIES or text in SUBDIVISIONS


def place_code_hint(text: str) -> str | None:
    """Return the code that was probably meant; None when nothing is close."""
    plain = text.strip().upper().replace("_", "-")
    meant = _MEANT.get(plain, plain)
    if is_place_code(meant):
        return meant
    # A number tells no more than the country outside of the United States and Canada.
    country = meant.partition("-")[0]
    return country if country in COUNTRIES else None
