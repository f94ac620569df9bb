"""What the tests of all rooms share: a real ComfyUI server, and property tests that no slow machine fails."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, settings

from runner.local_server.process import Installation
from tests.support.comfy import ComfyServer, find_installation

os.environ["PRODGEN_CONFIG"] = "none"  # the settings of whoever runs the tests are not theirs
# On busy cores, threads that wait by spinning take the time they wait for: one cut-out took half a minute.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Several test processes, each with a server: threads that wait for each other's cores would cost more than they bring.
_WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
if _WORKERS > 1:  # read when torch is first imported, and passed on to the servers
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // _WORKERS)))

# No property test may depend on how fast the machine is: neither one case nor the making of it.
_OF_SPEED = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
settings.register_profile("prodgen", deadline=None, suppress_health_check=_OF_SPEED, print_blob=True)
settings.load_profile("prodgen")


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What `each_once` and `first` leave out of every run is slow."""
    for item in items:
        first = item.get_closest_marker("first")
        if first is not None and any(at >= first.args[0] for at, _ in _places(item)):
            item.add_marker(pytest.mark.slow)
        if item.get_closest_marker("each_once") is not None and not _on_the_diagonal(_places(item)):
            item.add_marker(pytest.mark.slow)


def _places(item: pytest.Item) -> list[tuple[int, int]]:
    """Of each of its parameters: at which place in the list its value stands, and how many there are."""
    assert isinstance(item, pytest.Function)
    indices = item.callspec.indices
    named = [(one.args[0], len(one.args[1])) for one in item.iter_markers("parametrize")]
    return [(indices[(names.split(",") if isinstance(names, str) else names)[0].strip()], n) for names, n in named]


def _on_the_diagonal(places: list[tuple[int, int]]) -> bool:
    """Whether every parameter has its n-th value, the values of a shorter list beginning anew at its end."""
    return any(all(at == turn % count for at, count in places) for turn in range(max(count for _, count in places)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was not run is said, with what would let it run: nobody takes it for passed."""
    reasons = Counter(
        report.longrepr[2].removeprefix("Skipped: ").removeprefix("NOT RUN: ")
        for report in terminalreporter.stats.get("skipped", [])
        if isinstance(report.longrepr, tuple)
    )
    if reasons:
        terminalreporter.section("NOT RUN, and so not proved here")
        for reason, count in reasons.most_common():
            terminalreporter.line(f"{count:5} × {reason}")


@pytest.fixture(scope="session")
def comfy_installation() -> Installation:
    """The ComfyUI the tests run against; without one they fail in CI and are skipped elsewhere."""
    found = find_installation()
    if found is None:
        reason = (
            "NOT RUN: no ComfyUI (run `python install.py --dev`, or set PRODGEN_COMFYUI and PRODGEN_COMFYUI_PYTHON to "
            "a ComfyUI folder and its Python)"
        )
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@pytest.fixture(scope="session")
def comfy_server(comfy_installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComfyServer]:
    """One real ComfyUI (CPU, own base folder, only this pack) for the whole session. Do not stop it or fill it up."""
    server = ComfyServer(comfy_installation, tmp_path_factory.mktemp("comfy")).start()
    yield server
    server.stop()


@pytest.fixture
def start_comfy(
    comfy_installation: Installation, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., ComfyServer]]:
    """A factory for servers a test may kill and start again: `start_comfy(*extra_arguments, port=None)`.

    Each costs 15–20 s; take one only when the shared server will not do.
    """
    started: list[ComfyServer] = []

    def start(*arguments: str, port: int | None = None) -> ComfyServer:
        server = ComfyServer(comfy_installation, tmp_path_factory.mktemp("comfy_own"))
        server.arguments = list(arguments)
        started.append(server)
        return server.start(port)

    yield start
    for server in started:
        server.kill()
