"""Contacts and invoices in one form: what is equal, what is not, and what is none."""

import re
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfm.app.matching import lexicon
from mfm.core import contacts, overlap_words, traits
from mfm.core.contacts import DOMAIN, domain_of, e164, is_shared, mailbox
from mfm.core.evidence import Invoice
from mfm.core.overlap_marks import contact_mark, invoice_mark


@pytest.mark.parametrize(
    ("text", "country", "number"),
    [
        ("+243 81 234 5678", "", "+243812345678"),
        ("081-234.56.78", "CD", "+243812345678"),
        ("+243 (0) 812345678", "KE", "+243812345678"),
        ("00 243 812 345 678", "KE", ""),  # from Kenya one dials 000
        ("000 243 812 345 678", "KE", "+243812345678"),
        ("\u0660\u0669\u0664\u0664 \u0661\u0662\u0663 \u0664\u0665\u0666", "SY", "+963944123456"),
        ("+39 06 1234 5678", "", "+390612345678"),  # Italy keeps its zero
        ("+243 81 234 5678 ext. 9", "", "+243812345678"),
        ("081 234 5678", "", ""),
        ("12", "CD", ""),
        ("call us", "CD", ""),
        ("081 234 5678", "ZZ", ""),
    ],
)
def test_a_telephone_number_has_one_form(text: str, country: str, number: str) -> None:
    assert e164(text, country) == number


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("https://www.Example.org/en?x=1#y", "example.org"),
        ("office@example.org", "example.org"),
        ("example.org:8080", "example.org"),
        ("http://\u0645\u062b\u0627\u0644.com", "xn--mgbh0fb.com"),
        ("example", ""),
        ("", ""),
        ("-a.org", ""),
        ("a..org", ""),
        ("192.168.0.1", ""),
        (f"{'x' * 64}.org", ""),
    ],
)
def test_a_domain_has_one_form(text: str, domain: str) -> None:
    assert domain_of(text) == domain


def test_what_everybody_has_is_no_domain_of_ones_own() -> None:
    assert is_shared("yahoo.fr")
    assert is_shared("weavers.wordpress.com")
    assert not is_shared("notyahoo.fr")
    assert all(re.fullmatch(DOMAIN, each) for each in contacts.SHARED_DOMAINS)
    assert mailbox("A.B@Example.org") == "a.b@example.org"
    assert mailbox("a b@example.org") == mailbox("example.org") == ""


LIKE = [
    ("address", ["12, rue de la Paix, Bukavu", "BUKAVU / Rue de la Paix 12"]),
    ("address", ["BP 7, Goma", "Goma - B.P. 7", "goma bp 7"]),
    ("address", ["BP 8, Goma"]),
    ("signatory", ["Ad\u00e8le Exemple", "EXEMPLE, Adele"]),
    ("signatory", ["\u0641\u0627\u0637\u0645\u0629"]),
    ("phone", ["+243812345678", "0812345678"]),
    ("email", ["a@example.org", "A@EXAMPLE.org "]),
]


def test_marks_are_equal_where_contacts_are() -> None:
    marks = [{contact_mark(kind, text, "CD") for text in texts} for kind, texts in LIKE]
    assert all(len(each) == 1 and "" not in each for each in marks)
    assert all(one.isdisjoint(other) for one, other in combinations(marks, 2))
    assert contact_mark("address", "...", "") == ""


def test_invoices_are_one_by_payee_and_number() -> None:
    def mark(payee: str, number: str) -> str:
        return invoice_mark(Invoice(payee, number), lexicon())

    one = mark("Imprimerie du Kivu SARL", "2026/114-B")
    assert one == mark("IMPRIMERIE DU KIVU", "2026 114 b")
    assert one not in {
        mark("Imprimerie du Kivu", "2026/115"),
        mark("Imprimerie de Goma", "2026/114-B"),
        mark("Imprimerie du Kivu 2026", "114-B"),
    }
    assert mark("Imprimerie", "/ -") == ""


@given(st.sampled_from(contacts.PERSONAL), st.text(max_size=40))
def test_any_text_has_a_mark_or_none_and_never_itself(kind: str, text: str) -> None:
    mark = contact_mark(kind, text, "CD")
    assert mark == "" or re.fullmatch("[0-9a-f]{64}", mark)
    assert mark == contact_mark(kind, text, "CD")


def test_each_fact_is_told_as_its_kind_in_every_language() -> None:
    for kind in traits.WEIGHTS:
        (sentence,) = traits.told({kind})
        (topic,) = overlap_words.topics([sentence])
        assert topic == ("for:account" if kind == "bank-account" else "for:contact")
    for language in overlap_words.LANGUAGES:
        (line,) = overlap_words.evidence(["for:contact"], language)
        assert "contact" not in line
    proofs = ("for: one invoice proves both", "against: no document or invoice is named on both")
    assert overlap_words.topics(proofs) == ("for:documents", "against:documents")
