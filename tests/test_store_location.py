from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nbtrace.exceptions import NbtraceError
from nbtrace.store import location
from nbtrace.store.errors import StoreUnavailable
from nbtrace.store.location import (
    checked_location,
    find_directory,
    is_network_path,
    make_private_directory,
    prepare_directory,
    reset_directory,
    resolve_directory,
)

posix = pytest.mark.skipif(os.name == "nt", reason="owner and mode of POSIX")


@pytest.fixture
def outside(tmp_path):
    """A tree whose top is a git root, so that no search leaves it."""
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    inner = tmp_path / "repo" / "a" / "b"
    inner.mkdir(parents=True)
    return tmp_path / "repo"


def store_in(directory):
    made = directory / ".nbtrace"
    made.mkdir(mode=0o700)
    return made


def test_made_in_the_working_directory_when_there_is_none(outside):
    assert find_directory(outside / "a" / "b", home=None) == outside / "a" / "b" / ".nbtrace"
    assert not (outside / "a" / "b" / ".nbtrace").exists()


def test_nearest_upward_wins(outside):
    top, near = store_in(outside), store_in(outside / "a")
    assert find_directory(outside / "a" / "b", home=None) == near
    near.rmdir()
    assert find_directory(outside / "a" / "b", home=None) == top


def test_git_root_is_the_last_place_looked_at(outside):
    store_in(outside.parent)
    assert find_directory(outside / "a", home=None) == outside / "a" / ".nbtrace"


def test_git_worktree_file_is_a_root_too(tmp_path):
    store_in(tmp_path)
    work = tmp_path / "work"
    work.mkdir()
    (work / ".git").write_text("gitdir: elsewhere")
    assert find_directory(work, home=None) == work / ".nbtrace"


def test_home_directory_is_not_searched(outside):
    store_in(outside)
    below = outside / "a"
    assert find_directory(below, home=outside) == below / ".nbtrace"
    assert find_directory(below / "b", home=below) == below / "b" / ".nbtrace"


def test_working_in_the_home_directory_uses_its_store(outside):
    made = store_in(outside)
    assert find_directory(outside, home=outside) == made


@posix
@pytest.mark.parametrize("mode", [0o770, 0o702, 0o777])
def test_directory_others_may_write_is_passed_over(outside, mode):
    store_in(outside / "a").chmod(mode)
    top = store_in(outside)
    assert find_directory(outside / "a" / "b", home=None) == top


@posix
def test_readable_by_others_is_fine(outside):
    made = store_in(outside)
    made.chmod(0o755)
    assert find_directory(outside / "a", home=None) == made


@posix
def test_working_directory_with_an_unsafe_store_is_an_error(outside):
    made = store_in(outside / "a" / "b")
    made.chmod(0o777)
    with pytest.raises(StoreUnavailable, match="other users may write it") as caught:
        find_directory(outside / "a" / "b", home=None)
    assert str(made) in caught.value.message


@posix
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can chown")
def test_directory_of_another_user_is_passed_over(outside):
    os.chown(store_in(outside), 65534, 65534)
    assert find_directory(outside / "a", home=None) == outside / "a" / ".nbtrace"


@posix
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can chown")
def test_link_planted_by_another_user_is_passed_over(outside, tmp_path):
    target = tmp_path / "mine"
    target.mkdir(mode=0o700)
    link = outside / ".nbtrace"
    link.symlink_to(target)
    assert find_directory(outside / "a", home=None) == link
    os.chown(link, 65534, 65534, follow_symlinks=False)
    assert find_directory(outside / "a", home=None) == outside / "a" / ".nbtrace"


def test_a_file_of_that_name_is_no_store(outside):
    (outside / ".nbtrace").write_text("")
    assert find_directory(outside / "a", home=None) == outside / "a" / ".nbtrace"
    with pytest.raises(StoreUnavailable, match="not a directory"):
        find_directory(outside, home=None)


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="needs a second file system")
def test_edge_of_the_file_system_stops_the_search():
    if Path("/dev/shm").stat().st_dev == Path("/dev").stat().st_dev:
        pytest.skip("needs a second file system")
    found = location._searched(Path("/dev/shm"), None)
    assert found == [Path("/dev/shm")]


def test_environment_decides_and_is_made_absolute(tmp_path, monkeypatch):
    reset_directory()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NBTRACE_DIR", "here/store")
    assert resolve_directory() == tmp_path / "here" / "store"
    assert os.environ["NBTRACE_DIR"] == str(tmp_path / "here" / "store")
    assert not (tmp_path / "here").exists()


def test_resolved_once_and_handed_to_children(tmp_path, monkeypatch):
    reset_directory()
    monkeypatch.delenv("NBTRACE_DIR")
    (tmp_path / ".git").mkdir()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    first = resolve_directory()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert resolve_directory() == first == tmp_path / ".nbtrace"
    code = "from nbtrace.store.location import resolve_directory; print(resolve_directory())"
    root = Path(location.__file__).parents[2]
    child = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(root)},
        cwd=tmp_path / "elsewhere",
        capture_output=True,
        text=True,
        check=True,
    )
    assert child.stdout.strip() == str(first)
    reset_directory()
    assert "NBTRACE_DIR" not in os.environ


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it cannot be deleted")
def test_working_directory_gone(tmp_path, monkeypatch):
    reset_directory()
    monkeypatch.delenv("NBTRACE_DIR")
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(StoreUnavailable, match="NBTRACE_DIR"):
        resolve_directory()


@posix
def test_prepared_directory_is_private_and_ignored_by_git(tmp_path):
    directory = tmp_path / "x" / ".nbtrace"
    prepare_directory(directory)
    prepare_directory(directory)
    assert (directory / ".gitignore").read_bytes() == b"*\n"
    assert directory.stat().st_mode & 0o777 == 0o700
    assert (directory / ".gitignore").stat().st_mode & 0o777 == 0o600


def test_prepare_where_nothing_can_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match="NBTRACE_DIR"):
        prepare_directory(tmp_path / "file" / ".nbtrace")


@posix
def test_private_directories_all_the_way(tmp_path):
    make_private_directory(tmp_path / "a" / "b" / "c")
    assert {(tmp_path / part).stat().st_mode & 0o777 for part in ("a", "a/b", "a/b/c")} == {0o700}


MOUNTS = r"""/dev/vda / ext4 rw 0 0
proc /proc proc rw 0 0
server:/net /net nfs4 rw 0 0
/dev/vdb /net/local ext4 rw 0 0
bucket /mnt/my\040bucket fuse.s3fs rw 0 0
/dev/sdb1 /mnt/disk fuseblk rw 0 0
host /work 9p rw 0 0
one /twice ext4 rw 0 0
two /twice cifs rw 0 0
garbage
"""


@pytest.mark.parametrize(
    ("path", "network"),
    [
        ("/data", False),
        ("/net/me/nb", True),
        ("/net", True),
        ("/network", False),
        ("/net/local/nb", False),
        ("/mnt/my bucket/x", True),
        ("/mnt/disk/x", False),
        ("/work/x/.nbtrace/nbtrace.db", True),
        ("/twice/x", True),
    ],
)
def test_network_file_systems(tmp_path, path, network):
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS)
    assert location._file_system(path, str(mounts)) != ""
    kind = location._file_system(path, str(mounts))
    assert (kind in location._NETWORK_TYPES or kind.startswith("fuse.")) is network


def test_network_unknown_where_there_is_no_list(tmp_path):
    assert is_network_path(tmp_path, mounts=str(tmp_path / "none")) is False


def test_checked_location(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert checked_location("spans") == str(tmp_path / "spans")
    assert checked_location(tmp_path / "spans") == str(tmp_path / "spans")
    assert checked_location("/Volumes/main/spans/") == "/Volumes/main/spans"
    assert checked_location("abfs://c@a.dfs.core.windows.net/x") == (
        "abfs://c@a.dfs.core.windows.net/x"
    )
    for bad in ("", "  ", "s3:/bucket", "dbfs:/x"):
        with pytest.raises(NbtraceError, match="artifact_location"):
            checked_location(bad)
