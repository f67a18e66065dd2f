"""Settings: read once from the environment, passed down."""

import os
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct


class Settings(Struct, frozen=True):
    """What the environment says.

    Attributes:
        data_dir: holds `postgres/` and `keys/` (MFM_DATA_DIR).
        database_url: a login that may become writer, reader or auditor (MFM_DATABASE_URL), or ""
            for the embedded server.
        migration_url: a login that may become the owner (MFM_MIGRATION_URL), or "".
        read_database_url: where to read (MFM_READ_DATABASE_URL), or "" for `database_url`.
        api_key: the key that the terminal acts with (MFM_KEY), or "" for the operator.
        witnesses: where checkpoints are sent to be cosigned (MFM_WITNESSES, spaces between).
        trail_policy: the file that names these witnesses' keys (MFM_TRAIL_POLICY), or None.
        heads: whether the server tells the ends of funds' chains each day (MFM_HEADS).
        timestamp_url: whose word on when a checkpoint existed is asked (MFM_TIMESTAMP_URL), or "".
    """

    data_dir: Path
    database_url: str = ""
    migration_url: str = ""
    read_database_url: str = ""
    api_key: str = ""
    witnesses: tuple[str, ...] = ()
    trail_policy: Path | None = None
    timestamp_url: str = ""
    heads: bool = True

    @property
    def keys_dir(self) -> Path:
        """Where this installation keeps its keys."""
        return self.data_dir / "keys"


def read(environ: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings of an environment."""
    home = environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    policy = environ.get("MFM_TRAIL_POLICY", "")
    return Settings(
        data_dir=Path(environ.get("MFM_DATA_DIR") or Path(home) / "mfm").absolute(),
        database_url=environ.get("MFM_DATABASE_URL", ""),
        migration_url=environ.get("MFM_MIGRATION_URL", ""),
        read_database_url=environ.get("MFM_READ_DATABASE_URL", ""),
        api_key=environ.get("MFM_KEY", ""),
        witnesses=tuple(environ.get("MFM_WITNESSES", "").split()),
        trail_policy=Path(policy).absolute() if policy else None,
        heads=environ.get("MFM_HEADS", "daily") != "off",
        timestamp_url=environ.get("MFM_TIMESTAMP_URL", ""),
    )
