"""An embedded PostgreSQL 18: made, started, shared and stopped by mfm itself.

The cluster lives in ``<data dir>/postgres`` (see `mfm.store.embedded_home` for users and places).
Two files beside it hold kernel locks, so that what a killed process held is free by itself:
``postgres.lock`` is held alone while one starts or stops the server; ``postgres.lease`` is shared
by all who use it, and who on leaving can have it alone was the last and stops the server. A
server left behind by a killed process is adopted by the next who starts.

There is no TCP, only a socket in a 0700 directory, and peer authentication: only the OS user who
owns the cluster, and root, become database roles. Durability is PostgreSQL's own and is on
(fsync, synchronous_commit, full_page_writes, data checksums).
"""

import fcntl
import os
import pwd
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from mfm.store.embedded_home import (
    PORT,
    EmbeddedFailed,
    Home,
    home_of,
    make_data_dir,
    own_user,
    run_as,
    socket_dir,
)

__all__ = ["Embedded", "EmbeddedFailed", "start"]

SUPERUSER = "mfm_superuser"
DATABASE = "mfm"
# Recovery after a crash replays at most about max_wal_size (1 GB): minutes on a slow disk.
_PATIENCE_SECONDS = 300
_SILENCE_SECONDS = 10
_LOGS_KEPT = 8
_NO_ANSWER = 2  # of pg_isready

_SETTINGS = """\
# Written by mfm at each start. For settings of your own use ALTER SYSTEM, which wins over these.
listen_addresses = ''
port = {port}
unix_socket_directories = '{socket}'
unix_socket_permissions = 0700
max_connections = 100
shared_buffers = {buffers}MB
huge_pages = off
fsync = on
synchronous_commit = on
full_page_writes = on
wal_compression = on
# Segments are kept and used again: a new one is filled with zeros first, while writers wait.
min_wal_size = 512MB
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
logging_collector = on
log_directory = '../log'
log_filename = 'postgresql-%Y%m%dT%H%M%S.log'
log_rotation_size = 10MB
log_rotation_age = 0
log_error_verbosity = terse
# A failed statement may carry personal data: its error is logged, its text is not.
log_min_error_statement = panic
"""
_HBA = f"""\
local all all peer map=mfm
local replication {SUPERUSER} peer map=mfm
"""
_CREATE_DATABASE = """
SELECT 'CREATE DATABASE mfm OWNER mfm_owner'
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'mfm') \\gexec
"""


class Embedded:
    """A lease on a running server; a context manager that gives it back.

    Attributes:
        app_url: a login that may become writer, reader or auditor.
        migration_url: a login that may become the owner.
        admin_url: the superuser, for tests alone.
        bin_dir: the folder of psql, pgbench and the other programs of this server.
        home: the cluster's place; its ``log`` holds the server's log files.
    """

    def __init__(self, home: Home, socket: Path, locks: tuple[int, int]) -> None:
        def url(role: str) -> str:
            # The port is said so that a PGPORT in the environment has no say.
            return f"postgresql://{role}@/{DATABASE}?host={socket}&port={PORT}"

        self.app_url = url("mfm_app")
        self.migration_url = url("mfm_migrator")
        self.admin_url = url(SUPERUSER)
        self.bin_dir = home.bin_dir
        self.home = home
        self._locks: tuple[int, int] | None = locks

    def close(self, *, discard: bool = False) -> None:
        """Give the lease back; the last one to do so stops the server. Repeating does nothing.

        Args:
            discard: also delete the cluster, if this was the last lease (for tests).

        Raises:
            EmbeddedFailed: the server did not stop; the lease is given back all the same.
        """
        if self._locks is None:
            return
        (lock, lease), self._locks = self._locks, None
        try:
            with _alone(lock):
                if _try_lock(lease, fcntl.LOCK_EX):
                    _stop(self.home)
                    if discard:
                        _delete(self.home)
        finally:
            os.close(lease)
            os.close(lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def start(data_dir: Path) -> Embedded:
    """Take a lease on the data directory's server: made, started or adopted as needed.

    Roles (`migrations/roles.sql`) and the database ``mfm`` are there afterwards. The lease ends
    with `Embedded.close` or with this process, whichever is first.

    Args:
        data_dir: made, parents included, when absent.

    Raises:
        EmbeddedFailed: there can be no server; the message says why and what to do.
    """
    data_dir = data_dir.expanduser().resolve()
    make_data_dir(data_dir)
    lock, lease = (_open(data_dir / f"postgres.{name}") for name in ("lock", "lease"))
    with ExitStack() as undo:
        undo.callback(os.close, lock)
        undo.callback(os.close, lease)
        with _alone(lock):
            home = home_of(data_dir)
            socket = socket_dir(home)
            _try_lock(lease, fcntl.LOCK_SH)  # cannot fail: to hold it alone takes `lock` first
            embedded = Embedded(home, socket, (lock, lease))
            undo.pop_all()
            undo.callback(embedded.close)
            if not (home.data / "PG_VERSION").exists():
                _initdb(home, lock)
            _ensure_running(home, socket)
            _ensure_roles(home, embedded.admin_url)
        undo.pop_all()
    return embedded


def _open(path: Path) -> int:
    """Open a lock file, made when absent for the owner of its directory."""
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        try:
            file = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return os.open(path, flags)
        if os.geteuid() == 0:
            owner = path.parent.stat()
            os.fchown(file, owner.st_uid, owner.st_gid)
    except OSError as error:
        message = (
            f"{path} cannot be opened ({error.strerror}): run mfm as the owner of the data "
            "directory, or set MFM_DATA_DIR to another place"
        )
        raise EmbeddedFailed(message) from error
    return file


def _try_lock(file: int, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _alone(lock: int) -> Iterator[None]:
    """Hold the start-and-stop lock; others who want it wait."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not _try_lock(lock, fcntl.LOCK_EX):
        if time.monotonic() > deadline:
            raise EmbeddedFailed("another mfm process has been starting the server for minutes")
        time.sleep(0.05)
    try:
        yield
    finally:
        fcntl.flock(lock, fcntl.LOCK_UN)


def _ensure_running(home: Home, socket: Path) -> None:
    """Return when the server accepts connections; adopt, wait for, or start it."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    silent_since = time.monotonic()
    while answer := home.run("pg_isready", "-q", "-h", socket, "-p", str(PORT)).returncode:
        now = time.monotonic()
        if now > deadline:
            raise EmbeddedFailed(f"the server does not get ready; its log is in {home.log}")
        if not _runs(home):
            _launch(home, socket)
            silent_since = now
        elif answer != _NO_ANSWER:
            silent_since = now  # it says that it is starting up or shutting down
        elif now - silent_since > _SILENCE_SECONDS:
            _stop(home)  # it listens where nobody can reach it: its socket's directory is gone
        time.sleep(0.1)


def _holder_is_ours(pid_file: Path, home: Home) -> bool | None:
    """Whether the process that a pid file names is this cluster's server; None if it is gone."""
    try:
        pid = int(pid_file.read_text().split("\n", 1)[0])
        argv = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (ValueError, FileNotFoundError, ProcessLookupError):
        return None
    return os.fsencode(home.data) in argv


def _runs(home: Home) -> bool:
    return _holder_is_ours(home.data / "postmaster.pid", home) is True


def _launch(home: Home, socket: Path) -> None:
    """Start the server, or return for another look and try.

    Raises:
        EmbeddedFailed: with the end of the server's own words.
    """
    _configure(home, socket)
    # PostgreSQL believes a pid file whose number now belongs to another program (or to a zombie).
    for pid_file in (home.data / "postmaster.pid", socket / f".s.PGSQL.{PORT}.lock"):
        if _holder_is_ours(pid_file, home) is False:
            pid_file.unlink(missing_ok=True)
    log = home.log / "start.log"
    for old in [log, *sorted(home.log.glob("postgresql-*.log"))[:-_LOGS_KEPT]]:
        old.unlink(missing_ok=True)
    patience = str(_PATIENCE_SECONDS)
    done = home.run("pg_ctl", "start", "-w", "-t", patience, "-D", home.data, "-l", log)
    if done.returncode == 0 or _runs(home):  # perhaps by the pg_ctl of a process killed just now
        return
    said = run_as(home.user, ["tail", "-n", "20", log]).stdout
    # Backends of a killed server finish their query before they notice, and end by themselves.
    if "pre-existing shared memory block" not in said:
        raise EmbeddedFailed(f"PostgreSQL does not start: {done.stderr}{said}(log: {home.log})")


def _initdb(home: Home, lock: int) -> None:
    """Make the cluster, whole or not at all; what it starts holds the lock as well.

    Raises:
        EmbeddedFailed: with initdb's own words.
    """
    fresh = home.path / "data.new"
    run_as(home.user, ["rm", "-rf", fresh], keep=(lock,))
    done = home.run(
        "initdb",
        *("--pgdata", fresh, "--username", SUPERUSER, "--auth=peer", "--encoding=UTF8"),
        *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
        *("--data-checksums", "--no-instructions"),
        keep=(lock,),
    )
    if done.returncode == 0:
        done = run_as(home.user, ["mkdir", "-p", home.log])
    if done.returncode:
        raise EmbeddedFailed(f"the cluster cannot be made in {home.path}: {done.stderr}")
    fresh.rename(home.data)
    directory = os.open(home.path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)  # else a power cut could take the rename back, and the books with it
    finally:
        os.close(directory)


def _configure(home: Home, socket: Path) -> None:
    """Write the server's settings, who may connect, and which OS user is which role."""
    names = sorted({home.user.pw_name, pwd.getpwuid(0).pw_name})
    roles = (SUPERUSER, "mfm_migrator", "mfm_app")
    files = {
        "postgresql.conf": _SETTINGS.format(port=PORT, socket=socket, buffers=_buffers_mb()),
        "pg_hba.conf": _HBA,
        "pg_ident.conf": "".join(f'mfm "{name}" {role}\n' for name in names for role in roles),
    }
    for name, text in files.items():
        # By the server's user, not by root: it could have put a link where root would write.
        script = 'cat > "$0.new" && mv "$0.new" "$0"'
        done = run_as(home.user, ["/bin/sh", "-c", script, home.data / name], text)
        if done.returncode:
            raise EmbeddedFailed(f"{home.data / name} cannot be written: {done.stderr}")


def _buffers_mb() -> int:
    """Shared buffers in MB: 256, or an eighth of a small memory (machine or control group)."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with suppress(OSError, ValueError):  # no control group, or its limit is "max"
        memory = min(memory, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return max(16, min(256, memory // (8 << 20)))


def _ensure_roles(home: Home, admin_url: str) -> None:
    """Make the roles and the database unless they are there.

    Raises:
        EmbeddedFailed: with psql's own words.
    """
    package = Path(__file__).parents[1]
    installed = package / "migrations" / "roles.sql"  # beside the package, else the repository's
    roles = installed if installed.exists() else package.parents[1] / "migrations" / "roles.sql"
    url = admin_url.replace(f"/{DATABASE}?", "/postgres?", 1)
    argv: list[str | Path] = [home.bin_dir / "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", url]
    done = run_as(own_user(), argv, roles.read_text() + _CREATE_DATABASE)
    if done.returncode:
        raise EmbeddedFailed(f"roles or database cannot be made: {done.stderr} (log: {home.log})")


def _stop(home: Home) -> None:
    """Stop the server if it runs; open transactions are rolled back.

    Raises:
        EmbeddedFailed: it runs on.
    """
    if (home.data / "postmaster.pid").exists():
        patience = str(_PATIENCE_SECONDS)
        done = home.run("pg_ctl", "stop", "-w", "-t", patience, "-m", "fast", "-D", home.data)
        if done.returncode and _runs(home):
            raise EmbeddedFailed(f"the server does not stop: {done.stderr} (log: {home.log})")


def _delete(home: Home) -> None:
    shutil.rmtree((home.path / "run").resolve(), ignore_errors=True)  # may be a link to /tmp
    shutil.rmtree(home.path)
    if home.address.is_symlink():
        home.address.unlink()
