"""Being a witness: seeing that somebody's trail has one history, and signing for it."""

import argparse
import sys
from functools import partial
from pathlib import Path

from mfm.app import witness
from mfm.app.context import utc_now
from mfm.cli.arguments import Commands, port
from mfm.core.errors import Invalid
from mfm.formats.witnessing import Continuity, decode
from mfm.verifier import Tampered, checkpoint_of


def add(commands: Commands) -> None:
    """Add `witness`."""
    text = "Be a witness: cosign the checkpoints of trails that continue what was seen before."
    made = commands.add_parser("witness", help=text, description=text)
    words = made.add_subparsers(dest="what", required=True, metavar="WHAT")
    serve = _add(words, "serve", _serve, "Answer logs over HTTP (C2SP tlog-witness).")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    serve.add_argument("--port", type=port, default=8010, help="port to listen on (8010)")
    cosign = _add(words, "cosign", _cosign, "Cosign a checkpoint that came as a file.")
    cosign.add_argument("checkpoint", type=Path, help="the checkpoint, as `mfm seal` prints it")
    cosign.add_argument("--proof", type=Path, help="that it continues the one cosigned last")
    cosign.add_argument("-o", "--output", type=Path, metavar="LINE", help="where to write the line")
    _add(words, "key", _key, "Print the witness's key, in note format; it is made on first use.")


def _add(words: Commands, name: str, run: object, text: str) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = words.add_parser(name, help=text, description=text)
    made.add_argument("--state", type=Path, required=True, metavar="DIR", help="its own folder")
    made.add_argument("--name", default="", help="its name, on first use: example.org/w1")
    made.set_defaults(offline=run)
    return made


def _key(args: argparse.Namespace) -> int:
    print(witness.opened(args.state, args.name).key.vkey)
    return 0


def _cosign(args: argparse.Namespace) -> int:
    folder = witness.opened(args.state, args.name)
    try:
        checkpoint = checkpoint_of(args.checkpoint.read_bytes())
        proof = decode(args.proof.read_text("utf-8")) if args.proof else Continuity(0, [])
    except (Tampered, UnicodeDecodeError) as fault:
        raise Invalid("witness-request", f"This cannot be read: {fault}") from fault
    answer = witness.cosign(folder, checkpoint, proof, int(utc_now().timestamp()))
    if answer.media_type == witness.SIZE_TYPE:
        seen = answer.text.strip()
        print(f"Cosigned up to {seen} records before: send the proof from there, or it forked.")
        return 1
    if answer.status != 200:  # noqa: PLR2004  # HTTP's
        print(answer.text, end="")
        return 1
    if args.output:
        args.output.write_text(answer.text, "utf-8")
    else:
        print(answer.text, end="")
    return 0


def _serve(args: argparse.Namespace) -> int:
    # They take long to import, and no other command needs them.
    import uvicorn  # noqa: PLC0415  # see above

    from mfm.cli.serve import listen, url_of  # noqa: PLC0415  # see above
    from mfm.web.witness import create_witness  # noqa: PLC0415  # see above

    folder = witness.opened(args.state, args.name)
    folder.logs()
    app = create_witness(partial(witness.add_checkpoint, folder))
    quiet = {"log_config": None, "access_log": False, "server_header": False}
    config = uvicorn.Config(app, lifespan="off", ws="none", **quiet)  # type: ignore[arg-type]  # as named
    with listen(args.host, args.port) as listening:
        print(f"Witness {folder.key.name} on {url_of(listening)}", file=sys.stderr, flush=True)
        uvicorn.Server(config).run([listening])
    return 0
