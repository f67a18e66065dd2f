"""Anchors: an authority's word on when a checkpoint existed, made and checked with openssl."""

import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from mfm.app import anchored, anchors, trail
from mfm.core.errors import Invalid
from mfm.formats import timestamps
from mfm.store.database import connect
from mfm.verifier import Options
from tests.support import Books
from tests.trails import codes, exported, manifest_again, policy_of

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not here"),
]

CONFIG = """
[ req ]
distinguished_name = dn
prompt = no
[ dn ]
CN = {name}
[ ca ]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
[ tsa ]
extendedKeyUsage = critical,timeStamping
[ ts ]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha256
"""


class Authority:
    """A timestamping authority of its own, with a certificate that its root signed."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir()
        self.folder = folder
        self.config = folder / "config"
        self.config.write_text(CONFIG.format(folder=folder, name=name))
        (folder / "serial").write_text("01\n")
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        key += ("-config", "config")
        root = ("-extensions", "ca", "-keyout", "ca.key", "-out", "ca.pem")
        self.openssl("req", "-x509", *key, *root)
        self.openssl("req", "-new", *key, "-keyout", "tsa.key", "-out", "tsa.csr")
        signing = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2")
        extensions = ("-extfile", "config", "-extensions", "tsa")
        self.openssl("x509", "-req", "-in", "tsa.csr", *signing, *extensions, "-out", "tsa.pem")

    def openssl(self, *args: str) -> subprocess.CompletedProcess[bytes]:
        done = subprocess.run(["openssl", *args], cwd=self.folder, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        return done

    def reply(self, request: bytes) -> bytes:
        """Answer a request, as its own service would."""
        (self.folder / "q.tsq").write_bytes(request)
        self.openssl(
            *("ts", "-reply", "-config", "config", "-section", "ts"),
            *("-queryfile", "q.tsq", "-out", "r.tsr"),
        )
        return (self.folder / "r.tsr").read_bytes()

    def verifies(self, token: Path, checkpoint: Path) -> bool:
        """Tell what an auditor's openssl says, who believes this authority's root."""
        text = checkpoint.read_bytes().partition(b"\n\n")[0] + b"\n"
        (self.folder / "text").write_bytes(text)
        argv = ["openssl", "ts", "-verify", "-in", str(token), "-data", "text", "-CAfile", "ca.pem"]
        done = subprocess.run(argv, cwd=self.folder, capture_output=True, check=False)
        return b"Verification: OK" in done.stdout + done.stderr and done.returncode == 0


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tsa") / "one", "One authority")


async def sealed(books: Books, folder: Path, count: int = 2) -> int:
    for number in range(count):
        await books.do("party.register", name=f"Party {number}")
    made = await trail.seal(books.url, books.mechanism, folder)
    assert made is not None
    return made.size


def test_the_request_is_the_one_that_openssl_makes(authority: Authority) -> None:
    (authority.folder / "data").write_bytes(b"what\n")
    query = ("ts", "-query", "-data", "data", "-sha256", "-no_nonce", "-cert", "-out", "own.tsq")
    authority.openssl(*query)
    assert timestamps.request(b"what\n") == (authority.folder / "own.tsq").read_bytes()


async def test_a_timestamp_by_file_is_kept_as_it_came_and_verified_with_openssl(
    books: Books, tmp_path: Path, authority: Authority
) -> None:
    size = await sealed(books, tmp_path / "keys")
    connection = await connect(books.url, "mfm_writer")
    answer = authority.reply(await anchors.request(connection, books.mechanism, size))
    await sealed(books, tmp_path / "keys")
    await anchors.keep(connection, books.mechanism, size, answer)
    await connection.close()
    export = await exported(books, tmp_path / "keys", tmp_path / "export")
    key = trail.verifier_key(books.mechanism, tmp_path / "keys")
    assert codes(export, policy_of(key)) == (0, [])
    token = export / "anchors" / f"{size}.tsr"
    assert token.read_bytes() == answer
    assert authority.verifies(token, export / "checkpoints" / str(size))


async def test_case_39_a_token_of_something_else_or_of_nobody_is_caught(
    books: Books, tmp_path: Path, authority: Authority
) -> None:
    older = await sealed(books, tmp_path / "keys")
    size = await sealed(books, tmp_path / "keys")
    connection = await connect(books.url, "mfm_writer")
    mechanism = books.mechanism
    of_older = authority.reply(await anchors.request(connection, mechanism, older))
    asked = await anchors.request(connection, mechanism, size)
    stranger = Authority(tmp_path / "stranger", "Somebody")
    refused = authority.reply(asked[:-3] + b"\x06\x01\x2a")  # a policy that it does not follow
    for bad, code in (
        (of_older, "anchor-differs"),
        (refused, "anchor-refused"),
        (of_older[:-9], "anchor-malformed"),
        (of_older + b"x", "anchor-malformed"),
        (b"", "anchor-malformed"),
        (b"<html>no</html>", "anchor-malformed"),
    ):
        with pytest.raises(Invalid, match=code):
            await anchors.keep(connection, mechanism, size, bad)
    with pytest.raises(Invalid, match="checkpoint-unknown"):
        await anchors.keep(connection, mechanism, 99, of_older)
    # What an operator keeps all the same, of an authority that nobody believes, openssl tells.
    await anchors.keep(connection, mechanism, size, stranger.reply(asked))
    await anchors.keep(connection, mechanism, older, of_older)
    await connection.close()
    export = await exported(books, tmp_path / "keys", tmp_path / "export")
    checkpoints, tokens = export / "checkpoints", export / "anchors"
    assert authority.verifies(tokens / f"{older}.tsr", checkpoints / str(older))
    assert not authority.verifies(tokens / f"{size}.tsr", checkpoints / str(size))
    assert stranger.verifies(tokens / f"{size}.tsr", checkpoints / str(size))
    assert not authority.verifies(tokens / f"{older}.tsr", checkpoints / str(size))


def earlier(token: bytes) -> bytes:
    """Return a token that tells a time of years ago; its signature no longer holds."""
    made, count = re.subn(rb"\x18\x0f20[0-9]{12}Z", b"\x18\x0f20010203040506Z", token, count=1)
    assert count == 1
    return made


async def test_case_40_a_timestamp_is_no_older_than_the_records_that_it_covers(
    books: Books, tmp_path: Path, authority: Authority
) -> None:
    size = await sealed(books, tmp_path / "keys")
    connection = await connect(books.url, "mfm_writer")
    token = authority.reply(await anchors.request(connection, books.mechanism, size))
    with pytest.raises(Invalid, match="anchor-older"):
        await anchors.keep(connection, books.mechanism, size, earlier(token))
    await anchors.keep(connection, books.mechanism, size, token)
    await connection.close()
    export = await exported(books, tmp_path / "keys", tmp_path / "export")
    policy = policy_of(trail.verifier_key(books.mechanism, tmp_path / "keys"))
    code, told = anchored.verify(export, policy, Options())
    (stamp,) = told["timestamps"]
    assert (code, told["ok"], stamp["size"]) == (0, True, size)
    assert -2 < stamp["seconds_after"] < 60  # authorities tell whole seconds
    for forged in (earlier(token), token[:50], b""):  # whose signature it is, openssl says
        (export / "anchors" / f"{size}.tsr").write_bytes(forged)
        manifest_again(export)
        code, told = anchored.verify(export, policy, Options())
        assert (code, [each["code"] for each in told["problems"]]) == (1, ["timestamp"])


@pytest.fixture
def service(authority: Authority) -> Iterator[str]:
    """An authority that is asked over HTTP, on this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            fine = self.headers["Content-Type"] == "application/timestamp-query"
            answer = authority.reply(body) if fine and self.path == "/tsr?a=1" else b""
            self.send_response(200 if answer else 400)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/tsr?a=1"
    server.shutdown()
    thread.join()
    server.server_close()


async def test_an_authority_is_asked_over_http_where_one_is_named(
    books: Books, tmp_path: Path, service: str
) -> None:
    size = await sealed(books, tmp_path / "keys")
    connection = await connect(books.url, "mfm_writer")
    await anchors.submit(connection, books.mechanism, size, service)
    kept = await connection.fetchval(
        "SELECT count(*) FROM anchor WHERE mechanism_id = $1 AND size = $2",
        *(books.mechanism.id, size),
    )
    assert kept == 1
    with pytest.raises(Invalid, match="anchor-refused"):
        await anchors.submit(connection, books.mechanism, size, service.replace("a=1", "a=2"))
    await connection.close()
