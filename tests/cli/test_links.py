"""A link from the terminal: its token is printed once, and repeating the command tells no other."""

from tests.cli.terminal import Terminal

ON = ("--effective-on", "2026-03-02")


def test_a_link_is_made_and_its_token_printed_once(terminal: Terminal) -> None:
    def run(*argv: str) -> list[str]:
        done = terminal.run(*argv)
        assert done.returncode == 0, done.stderr
        return str(done.stdout).splitlines()

    for party in ("agent", "donor", "group"):
        run("party", "register", "--id", party, "--name", party)
    fund = ("--name", "Fund", "--tier", "global", "--currency", "USD", "--steward", "agent")
    run("fund", "open", "--id", "g", *fund)
    money = ("--amount", "500.00 USD", *ON)
    run("commitment", "sign", "--id", "c", "--from-party", "donor", "--to-fund", "g", *money)
    run("deposit", "receive", "--commitment", "c", *money)
    run("allocation", "approve", "--id", "a", "--fund", "g", *money)
    sides = ("--from-fund", "g", "--to-party", "group", "--allocation", "a")
    run("commitment", "sign", "--id", "w", *sides, *money)

    first, token = run("link", "create", "--id", "l", "--commitment", "w", "--key", "once")
    assert first.endswith(": link.create l")
    assert len(token) == 43
    again = run("link", "create", "--id", "l", "--commitment", "w", "--key", "once")
    assert again == [first]
    told = terminal.json("link", "create", "--id", "l2", "--commitment", "w")
    assert len(told["secret"]) == 43
    assert told["secret"] != token
    assert "secret" not in terminal.json("link", "revoke", "--link", "l2")
    assert "commitment-kind" in terminal.fails("link", "create", "--commitment", "c")
