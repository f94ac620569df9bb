"""The installation these tests run in, when install.py made it."""

from __future__ import annotations

import time

import pytest

from runner.local_server import process as server_process
from tests.install.conftest import install
from tests.support.comfy import REPO
from tests.support.speed import within


def test_a_second_run_takes_seconds_and_changes_nothing() -> None:
    found = server_process.installed_comfyui(REPO)
    if found is None or not found.managed:
        pytest.skip("ComfyUI was not installed here by install.py (python install.py --dev)")
    records = [REPO / ".comfyui" / name for name in ("install.json", "journal.json")]
    before = [record.read_bytes() for record in records]
    begin = time.monotonic()
    code, said = install(REPO, "--dev")
    assert code == 0, said
    assert "Everything is already installed" in said
    assert within(15, begin)
    assert [record.read_bytes() for record in records] == before
