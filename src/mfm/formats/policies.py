"""Policies (C2SP tlog-policy) and verifier keys, read where a mistake is the operator's to mend."""

from mfm.core.errors import Invalid
from mfm.verifier import Policy, Tampered


def policy_in(text: str, where: str) -> Policy:
    """Return the policy that a text is.

    Args:
        text: its lines.
        where: the file, for the sentence that says what is wrong.

    Raises:
        Invalid: `policy-malformed`.
    """
    try:
        return Policy(text)
    except Tampered as fault:
        raise Invalid("policy-malformed", f"{where}: {fault}") from fault
