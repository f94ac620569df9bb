"""What tests of servers and secrets share: an environment that names neither, and somebody at the usual address."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runner import serve
from runner.auth import Access, decide
from runner.serve import Place
from tests.support.hostile import HostileComfy

PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture
def clean_surroundings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No server, no secret and no proxy comes from the environment."""
    for name in ("COMFYUI_URL", "COMFYUI_TOKEN", "COMFYUI_BASIC_AUTH", "COMFYUI_HEADERS"):
        monkeypatch.delenv(name, raising=False)
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    decide(Access())
    yield
    decide(Access())


@pytest.fixture
def usual(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HostileComfy]:
    """A ComfyUI at the usual local address: what a named server must never be replaced by."""
    with HostileComfy() as server:
        monkeypatch.setattr(serve, "HERE", Place(tmp_path / "project", server.port))
        yield server
