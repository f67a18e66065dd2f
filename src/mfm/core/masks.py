"""Masks: how an organisation that publicity would endanger is named in public.

Its pseudonym is the same in every export, so that totals by counterparty still add up, and comes
from its mask: 128 random bits that its record keeps and no answer tells. Nothing public leads back
from it, neither by turning it round nor by trying names, because no name went into it.
"""

from hashlib import sha256

_SHOWN_CHARS = 12


def pseudonym(mask: str, *about: str) -> str:
    """Return what stands for a party, or for something of its own, such as a grant.

    Args:
        mask: the party's.
        about: what of the party it stands for; nothing for the party itself.
    """
    parts = (b"mfm/pseudonym/v1", mask.encode(), *(each.encode() for each in about))
    joined = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return sha256(joined).hexdigest()[:_SHOWN_CHARS]
