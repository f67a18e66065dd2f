"""A link from the terminal: its token is printed once, and repeating the command tells no other."""

from tests.cli.terminal import Terminal

DEMO = ("--mechanism", "demo")


def test_a_link_is_made_and_its_token_printed_once(terminal: Terminal) -> None:
    def run(*argv: str) -> list[str]:
        done = terminal.run(*argv, *DEMO)
        assert done.returncode == 0, done.stderr
        return str(done.stdout).splitlines()

    terminal.json("demo", "--once", "--mechanism", "demo")
    first, token = run("link", "create", "--id", "l", "--commitment", "grant-1", "--key", "once")
    assert first.endswith(": link.create l")
    assert len(token) == 43
    again = run("link", "create", "--id", "l", "--commitment", "grant-1", "--key", "once")
    assert again == [first]
    told = terminal.json("link", "create", "--id", "l2", "--commitment", "grant-1", *DEMO)
    assert len(told["secret"]) == 43
    assert told["secret"] != token
    assert "secret" not in terminal.json("link", "revoke", "--link", "l2", *DEMO)
    assert "commitment-kind" in terminal.fails(
        "link", "create", "--commitment", "contribution-1", *DEMO
    )
