"""The command `mfm`."""

import gc
import sys

# A start makes thousands of classes, none of them garbage: looking for some took a fifth of it.
gc.disable()
from mfm.cli.main import run  # noqa: E402  # this is what is to be imported without looking

gc.freeze()
gc.enable()


def main() -> None:
    """Run the command line and exit with its code."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
