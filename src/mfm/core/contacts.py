"""How an organisation is reached, and who signs for it: what each is in one form.

Telephone numbers, mail addresses, places and signatories are often those of a person. They stand
beside the record as free text does, and can be erased; only a domain is told in clear.
"""

import re

import phonenumbers

from mfm.core.errors import Invalid

PERSONAL = ("phone", "email", "address", "signatory")
"""Kinds of contact that stand beside the record."""
DOMAINS = ("website", "email")
"""Kinds that say a domain."""
DOMAIN_CHARS_MAX = 253
DOMAIN = r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]"
"""A domain as it is kept: lower case, letters of other scripts as xn--."""
SHARED_DOMAINS = frozenset(
    """
    126.com 163.com aol.com blogspot.com business.site facebook.com free.fr gmail.com gmx.com gmx.de
    gmx.net googlemail.com hotmail.com hotmail.fr icloud.com instagram.com laposte.net linkedin.com
    linktr.ee live.com mail.com mail.ru medium.com msn.com orange.fr outlook.com outlook.fr
    proton.me protonmail.com qq.com rediffmail.com sites.google.com t.me twitter.com ukr.net
    weebly.com wixsite.com wordpress.com x.com yahoo.co.in yahoo.co.uk yahoo.com yahoo.es yahoo.fr
    yandex.com yandex.ru youtube.com zoho.com
    """.split()
)
"""Where everybody has an address or a page: such a domain says nothing of an organisation."""

_SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*://")
_EMAIL = re.compile(r"[^\s@<>,;:\"()\[\]\\]{1,64}@[^\s@]{1,253}")
_LETTERS_MIN = 4
_FORMS = {
    "phone": "a telephone number: +243 81 234 5678, or as it is dialled in the party's country",
    "email": "one e-mail address, such as office@example.org",
    "address": "where it is: street and place, or box and town",
    "signatory": "the name of one who signs",
}


def domain_of(text: str) -> str:
    """Return the domain of an address on the web, "" where there is none."""
    host = _SCHEME.sub("", text.strip().lower())
    host = re.split(r"[/?#]", host, maxsplit=1)[0].rpartition("@")[2].partition(":")[0]
    try:
        host = host.rstrip(".").removeprefix("www.").encode("idna").decode()
    except UnicodeError:
        return ""
    return host if len(host) <= DOMAIN_CHARS_MAX and re.fullmatch(DOMAIN, host) else ""


def is_shared(domain: str) -> bool:
    """Tell whether a domain, or one that it is a part of, is everybody's."""
    parts = domain.split(".")
    return any(".".join(parts[at:]) in SHARED_DOMAINS for at in range(len(parts) - 1))


def e164(text: str, country: str) -> str:
    """Return a telephone number in the form of ITU-T E.164, "" where it is none.

    Args:
        text: as it was written; +243 ..., or as it is dialled within the country.
        country: ISO 3166-1 alpha-2, or "" for none: then only numbers with their country's code.
    """
    try:
        number = phonenumbers.parse(text, country or None)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_possible_number(number):
        return ""
    number.extension = None  # a desk of the same house
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def mailbox(text: str) -> str:
    """Return an e-mail address in one form, "" where it is none."""
    box, _, host = text.strip().rpartition("@")
    domain = domain_of(host)
    return f"{box.lower()}@{domain}" if domain and _EMAIL.fullmatch(text.strip()) else ""


def check(kind: str, text: str, country: str) -> None:
    """Hold that a text is a contact of its kind.

    Args:
        kind: of PERSONAL.
        text: as it was told.
        country: the party's, or "".

    Raises:
        Invalid: `attestation-contact`.
    """
    letters = sum(sign.isalnum() for sign in text)
    sound = letters >= _LETTERS_MIN
    if kind == "phone":
        sound = bool(e164(text, country))
    elif kind == "email":
        sound = bool(mailbox(text))
    if not sound:
        raise Invalid("attestation-contact", f"{kind} takes {_FORMS[kind]}.", "/contact")
