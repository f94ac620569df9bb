"""Locks between processes and between users, whose files go when they are done with."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from runner.files.lock import FileLock, LockTimeoutError, lock_beside
from runner.models.download import Downloader, WantedFile
from tests.runner.model_host import model_host, weights
from tests.support.comfy import REPO
from tests.support.people import as_a_person

COUNTING = """
import sys, time
from pathlib import Path
from runner.files.lock import lock_beside
path = Path(sys.argv[1])
for _ in range(20):
    with lock_beside(path):
        count = int(path.read_text())
        time.sleep(0.001)
        path.write_text(str(count + 1))
"""


def test_nobody_gets_past_another_and_nothing_is_left(tmp_path: Path) -> None:
    """The file goes with each holder: who had opened the one before must not think that it still locks."""
    path = tmp_path / "counted"
    path.write_text("0")
    command = [sys.executable, "-c", COUNTING, str(path)]
    several = [subprocess.Popen(command, cwd=REPO) for _ in range(4)]
    assert [one.wait() for one in several] == [0] * 4
    assert path.read_text() == "80"
    assert list(tmp_path.iterdir()) == [path]


def test_what_was_held_is_gone_also_after_a_failure(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), lock_beside(tmp_path / "file"):
        1 / 0  # noqa: B018 - any failure
    assert not list(tmp_path.iterdir())


def test_a_lock_that_is_held_is_waited_for_and_then_given_up(tmp_path: Path) -> None:
    told = []
    with lock_beside(tmp_path / "file"):
        second = FileLock(tmp_path / "file.lock", on_wait=lambda: told.append(1), timeout=0.3, remove=True)
        with pytest.raises(LockTimeoutError), second:
            pass
    assert told == [1]


@pytest.mark.skipif(os.name != "posix" or os.getuid() != 0, reason="only root can be two users")
def test_two_users_download_the_same_model_into_one_folder() -> None:
    """The lock lay in the temporary folder of all: whoever came second could not download at all."""
    program = """
import os, sys
from pathlib import Path
from runner.models.download import Downloader, WantedFile
user = int(sys.argv[2])
os.setgid(user)
os.setuid(user)
print(Downloader().fetch(WantedFile(sys.argv[1], Path(sys.argv[3]))).bytes)
"""
    with tempfile.TemporaryDirectory() as folder, model_host(weights(7_000)) as host:
        shared = Path(folder)
        shared.chmod(0o777)
        target = shared / "model.safetensors"
        for user in (65533, 65534):
            target.with_name("model.safetensors.lock").write_bytes(b"")  # of root, who was killed
            done = subprocess.run(
                [sys.executable, "-c", program, host.url, str(user), str(target)],
                cwd=REPO,
                env={**os.environ, "HOME": folder},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            assert [path.name for path in shared.iterdir()] == ["model.safetensors"]


def test_a_download_leaves_nothing_beside_the_model(tmp_path: Path) -> None:
    target = tmp_path / "models" / "model.safetensors"
    with model_host(weights(7_000)) as host:
        Downloader().fetch(WantedFile(host.url, target))
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.skipif(os.name != "posix", reason="read-only folders are a matter of POSIX")
def test_a_folder_that_is_not_ours_says_that_and_not_that_a_file_is_missing(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    program = "import sys, pathlib, runner.files.lock as lock\nwith lock.FileLock(pathlib.Path(sys.argv[1])): pass"
    command = [*as_a_person(), sys.executable, "-c", program, str(tmp_path / "lock")]
    done = subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=False)
    tmp_path.chmod(0o755)
    assert done.returncode == 1 and done.stderr.splitlines()[-1].startswith("PermissionError"), done.stderr
