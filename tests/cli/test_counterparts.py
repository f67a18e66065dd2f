"""Two operators, one chain: two servers with a key each, and a transfer between them, proven."""

import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec import json

from tests.cli.terminal import Terminal
from tests.cli.test_serving import stopped, until_ready


class Operator:
    """A mechanism's operator: a terminal, a server over it, and a key for each role."""

    def __init__(self, terminal: Terminal, told: dict[str, Any]) -> None:
        self.terminal = terminal
        self.url = told["url"]
        self._secrets = {key["role"]: key["secret"] for key in told["keys"]}
        self._count = 0
        self.origin = json.decode(self.receipt("auditor", 1))["origin"]

    def post(self, role: str, path: str, **fields: Any) -> int:  # noqa: ANN401  # any JSON
        """Perform a verb; return its record's number."""
        self._count += 1
        headers = {
            "Authorization": f"Bearer {self._secrets[role]}",
            "Idempotency-Key": f"t{self._count}",
        }
        answer = httpx.post(f"{self.url}{path}", json=fields, headers=headers, timeout=60)
        assert answer.status_code == 201, answer.text
        return int(answer.json()["seq"])

    def refused(self, role: str, path: str, **fields: Any) -> tuple[int, str]:  # noqa: ANN401  # any JSON
        """Ask for a verb that is not done; return the status and code of the problem."""
        self._count += 1
        headers = {
            "Authorization": f"Bearer {self._secrets[role]}",
            "Idempotency-Key": f"t{self._count}",
        }
        answer = httpx.post(f"{self.url}{path}", json=fields, headers=headers, timeout=60)
        return answer.status_code, answer.json()["code"]

    def receipt(self, role: str, seq: int) -> bytes:
        """Fetch a record's receipt over HTTP, once it is sealed."""
        headers = {"Authorization": f"Bearer {self._secrets[role]}", "Prefer": "wait=10"}
        answer = httpx.get(f"{self.url}/v1/records/{seq}/receipt", headers=headers, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.content

    def export(self, to: Path) -> Path:
        """Take the trail away."""
        done = self.terminal.run("export", "trail", "-o", str(to))
        assert done.returncode == 0, done
        return to

    def key(self) -> str:
        """Return the trail's key."""
        done = self.terminal.run("trail", "key")
        return f"log {done.stdout.strip()}\n"


@contextmanager
def operating(origin: str) -> Iterator[Operator]:
    """Play the demonstration under a trail of this name, in a place of its own, and serve it."""
    folder = Path(tempfile.mkdtemp(prefix="mfm-operator-"))
    folder.chmod(0o755)
    terminal = Terminal(folder / "data")
    process = terminal.start("demo", "--origin", origin, "--port", "0", "--json")
    assert process.stdout is not None
    told = ""
    try:
        while not told.endswith("\n}\n"):
            line = process.stdout.readline()
            assert line, process.communicate()
            told += line
        found = json.decode(told)
        until_ready(found["url"])
        yield Operator(terminal, found)
    finally:
        stopped(process, signal.SIGTERM)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Operator, Operator]]:
    """A global mechanism, and one of the weavers' own."""
    with ExitStack() as stack:
        one, other = (f"{name}.example.org/trail" for name in ("global", "weavers"))
        yield stack.enter_context(operating(one)), stack.enter_context(operating(other))


def usd(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "USD"}


def agree(sender: Operator, receiver: Operator) -> None:
    """Sign the same agreement in both books: two tranches, to who is screened anew."""
    told = {"value": "clear", "source": "Consolidated list of today"}
    sender.post("preparer", "/v1/parties/weavers/attestations", kind="sanctions-screening", **told)
    sender.post(
        "board",
        "/v1/allocations",
        id="abroad",
        fund="national",
        amount=usd("150.00"),
        marker={"scheme": "un-gem", "score": "3"},
        marker_author="weavers",
        marker_justification="Women's peace and security is what it is for.",
    )
    sender.post(
        "approver",
        "/v1/commitments",
        id="to-weavers",
        from_fund="national",
        to_party="weavers",
        allocation="abroad",
        amount=usd("150.00"),
        tranches=[{"amount": usd("100.00")}, {"amount": usd("50.00")}],
    )
    receiver.post(
        "approver",
        "/v1/commitments",
        id="from-national",
        from_party="donor",
        to_fund="national",
        source_kind="bilateral",
        amount=usd("150.00"),
    )


def send(sender: Operator, receiver: Operator, tranche: int) -> int:
    """Pay a tranche to the other mechanism; return the record of the payment."""
    name = f"w-{tranche}"
    sender.post("grantee", "/v1/disbursements", id=name, commitment="to-weavers", tranche=tranche)
    sender.post("approver", f"/v1/disbursements/{name}/approve")
    return sender.post("payer", f"/v1/disbursements/{name}/release", trail=receiver.origin)


def refuses_what_came_before_or_from_itself(by: Operator, told: dict[str, Any]) -> None:
    """A record that something was received by is named once, and it is another trail's."""
    again = {"commitment": "from-national", "amount": usd("1.00"), "counterpart": told}
    assert by.refused("preparer", "/v1/deposits", **again) == (409, "counterpart-taken")
    own = again | {"counterpart": told | {"origin": by.origin}}
    assert by.refused("preparer", "/v1/deposits", **own) == (422, "counterpart-own")


def test_what_one_sent_the_other_received_or_the_difference_is_named(
    both: tuple[Operator, Operator], tmp_path: Path
) -> None:
    a, b = both
    policy = tmp_path / "policy"
    policy.write_text(a.key() + b.key() + "quorum none\n", "utf-8")
    agree(a, b)

    def named(by: Operator, role: str, seq: int) -> Any:  # noqa: ANN401  # the counterpart's JSON
        path = tmp_path / f"{seq}.json"
        path.write_bytes(by.receipt(role, seq))
        return by.terminal.json("trail", "counterpart", str(path), "--policy", str(policy))

    # The payer's receipt goes over by HTTP; the receiver's deposit names what it proves.
    sent = send(a, b, 1)
    told = named(a, "grantee", sent)
    assert (told["origin"], told["seq"]) == (a.origin, sent)
    got = b.post(
        "preparer",
        "/v1/deposits",
        commitment="from-national",
        amount=usd("100.00"),
        counterpart=told,
    )
    a.post("grantee", "/v1/disbursements/w-1/confirm", counterpart=named(b, "auditor", got))

    refuses_what_came_before_or_from_itself(b, told)

    def verify(name: str, code: int) -> Any:  # noqa: ANN401  # the verdict
        exports = [str(each.export(tmp_path / f"{name}-{n}")) for n, each in enumerate(both)]
        return a.terminal.json("verify", *exports, "--policy", str(policy), code=code)

    verdict = verify("agreed", 0)
    assert verdict["ok"] is True
    assert verdict["transfers"] == [[sent, got]]
    assert [each["origin"] for each in verdict["trails"]] == [a.origin, b.origin]

    # The second tranche is sent, and other money is told to have come by it.
    second = send(a, b, 2)
    (missing,) = verify("sent", 1)["problems"]
    assert missing["code"] == "counterpart-missing"
    assert "50.00 USD" in missing["detail"]
    told = named(a, "grantee", second)
    less = b.post(
        "preparer",
        "/v1/deposits",
        commitment="from-national",
        amount=usd("49.00"),
        counterpart=told,
    )
    (differs,) = verify("less", 1)["problems"]
    assert (differs["code"], differs["seq"]) == ("counterpart-amount", less)
    assert "49.00 USD" in differs["detail"]
