"""What tests of servers share: an environment that names none, somebody at the usual address, and one who lies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.http.auth import Access, decide
from runner.local_server import lifecycle
from runner.local_server.lifecycle import Home
from tests.runner.model_host import CONTENT, ModelHost, model_host
from tests.support.comfy import ComfyServer
from tests.support.hostile import HostileComfy
from tests.support.lied import desk_for
from tests.support.runs import Desk

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
        monkeypatch.setattr(lifecycle, "HERE", Home(tmp_path / "project", server.port))
        yield server


@pytest.fixture
def desk(comfy_server: ComfyServer, tmp_path: Path) -> Desk:
    """A folder of its own, and the real server."""
    return Desk(tmp_path, comfy_server.url)


@pytest.fixture(scope="module")
def obliging() -> Iterator[HostileComfy]:
    """A ComfyUI that runs everything it is given, at once."""
    with HostileComfy() as server:
        yield server


@pytest.fixture(scope="module")
def liar() -> Iterator[HostileComfy]:
    """A ComfyUI that lies when it is told to (`tests.support.lied`), and whose jobs are polled for."""
    with HostileComfy() as server:
        server.announces = False
        yield server


@pytest.fixture(scope="module")
def lied_desk(tmp_path_factory: pytest.TempPathFactory, liar: HostileComfy) -> Desk:
    return desk_for(liar, tmp_path_factory.mktemp("lied"))


@pytest.fixture
def host() -> Iterator[ModelHost]:
    """A host of model files on this machine."""
    with model_host(CONTENT) as running:
        yield running


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Where a model goes, in a folder that is not there yet."""
    return tmp_path / "models" / "checkpoints" / "a.safetensors"
