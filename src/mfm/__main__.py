"""The command `mfm`."""

import gc
import sys

# A start makes thousands of classes, none of them garbage: looking for some took a fifth of it.
gc.disable()
# What verifies offline does without the database's libraries: they take more memory than its work.
if sys.argv[1:2] == ["verify"] and "--database" not in sys.argv:
    from mfm.cli.verify import main as run
else:
    from mfm.cli.main import run

gc.freeze()
gc.enable()


def main() -> None:
    """Run the command line and exit with its code."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
