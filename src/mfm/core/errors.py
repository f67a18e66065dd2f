"""What can go wrong: types with a stable code and the facts. Status and prose are the edge's."""


class Problem(Exception):
    """A clear answer to somebody's mistake.

    Attributes:
        code: stable, kebab-case; every code is documented in docs/reference/problems.md.
        detail: one sentence with the facts of this case, never with secrets.
        pointer: JSON pointer (RFC 6901) to the field it is about, or "".
    """

    def __init__(self, code: str, detail: str, pointer: str = "") -> None:
        """Keep the three facts; the exception's text is `code: detail`."""
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.pointer = pointer


class Invalid(Problem):
    """Malformed, unknown, stale or not allowed: leaves nothing in the journal and binds no key."""


class Refused(Problem):
    """Decided by the rules against the books (floor, state, period, four eyes): it is recorded."""
