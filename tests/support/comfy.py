"""A real ComfyUI server for tests and benchmarks: started as users start it, spoken to over its real HTTP API.

It needs what the runner needs, and nothing of the test tools: benchmarks run where those are not installed.
"""

from __future__ import annotations

import io
import shutil
import signal
import subprocess
import time
import uuid
from pathlib import Path
from typing import Any

import requests
from PIL import Image

from runner.local_server import process as server_process
from runner.local_server.process import Installation

REPO = Path(__file__).resolve().parents[2]
PACK = REPO / "custom_nodes" / "prodgen_nodes"


def find_installation() -> Installation | None:
    """What the environment names, otherwise what install.py recorded in this checkout."""
    return server_process.chosen_comfyui(REPO)


def copy_comfyui(installation: Installation, target: Path) -> Path:
    """A copy of the installed ComfyUI's code, without what its owner keeps inside it (models may be many gigabytes)."""
    kept = {"models", "input", "output", "temp", "user", "custom_nodes", "tests", "tests-unit", ".git"}

    def skip(folder: str, names: list[str]) -> set[str]:
        return kept & set(names) if Path(folder) == installation.comfyui else set()

    shutil.copytree(installation.comfyui, target, ignore=skip)
    for name in ("models", "input", "custom_nodes"):
        (target / name).mkdir()
    return target


class GraphError(AssertionError):
    """The server refused a graph, or a node of it failed. `reply` is what the server said."""

    def __init__(self, message: str, reply: Any) -> None:
        super().__init__(message)
        self.reply = reply


class ServerFailed(AssertionError):  # noqa: N818 - a test that meets it has failed
    """The server does not do what it is there for; the message ends with its log."""


class ComfyServer:
    """A running ComfyUI with this pack linked in, and nothing else."""

    def __init__(self, installation: Installation, base_dir: Path, *, link_pack: bool = True) -> None:
        self.installation = installation
        self.base_dir = base_dir
        self.input_dir = base_dir / "input"
        self.output_dir = base_dir / "output"
        self.models_dir = base_dir / "models"
        self.log_path = base_dir / "server.log"
        self.arguments: list[str] = []
        self.cpu = True  # tests run alike on every machine; a benchmark may ask for the GPU
        self.process: subprocess.Popen[bytes] | None = None
        self.port = 0
        for folder in (self.input_dir, self.output_dir, self.models_dir, base_dir / "custom_nodes"):
            folder.mkdir(parents=True, exist_ok=True)
        # The picture LoadImage starts with; it lies in the input folder of every ComfyUI.
        shutil.copy2(installation.comfyui / "input" / "example.png", self.input_dir)
        link = base_dir / "custom_nodes" / "prodgen_nodes"
        if link_pack and not link.is_symlink():
            link.symlink_to(PACK, target_is_directory=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self.process is not None, "the server was never started"
        return self.process.pid

    @property
    def peak_memory(self) -> int:
        """The most bytes its process has held since it was started."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8")
        return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) * 1024

    def start(self, port: int | None = None) -> ComfyServer:
        """Start it (again) on `port`, or on the port it had, or on a free one; returns when it answers."""
        self.port = port or self.port or server_process.free_port()
        arguments = ["--base-directory", str(self.base_dir), "--disable-api-nodes", "--disable-all-custom-nodes"]
        arguments += [
            "--whitelist-custom-nodes",
            "prodgen_nodes",
            "--database-url",
            f"sqlite:///{self.base_dir}/comfyui.db",
        ]
        arguments += self.arguments
        setpriv = shutil.which("setpriv")  # a test run that is killed must not leave its server behind
        prefix = [setpriv, "--pdeathsig", "KILL"] if setpriv else []
        self.process = server_process.spawn(
            self.installation, self.port, self.log_path, cpu=self.cpu, arguments=arguments, prefix=prefix
        )
        try:
            server_process.wait_until_ready(self.url, self.process, self.log_path)
            self._assert_pack_loaded()
        except BaseException:
            self.kill()
            raise
        return self

    def _assert_pack_loaded(self) -> None:
        log = self.log_path.read_text(encoding="utf-8", errors="replace")
        if "IMPORT FAILED" in log or "Cannot import" in log:
            tail = server_process.log_tail(self.log_path, lines=60)
            raise ServerFailed(f"the pack does not load in ComfyUI:\n{tail}")

    def kill(self) -> None:
        """End it at once, as a crash would (SIGKILL)."""
        self._signal(signal.SIGKILL)

    def stop(self) -> None:
        """End it the polite way."""
        self._signal(signal.SIGTERM)

    def _signal(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(timeout=20)

    def get(self, path: str, **params: Any) -> Any:
        """GET a JSON answer."""
        reply = requests.get(self.url + path, params=params, timeout=60)
        reply.raise_for_status()
        return reply.json()

    def object_info(self, node_class: str | None = None) -> dict[str, Any]:
        """The server's description of all nodes, or of one (a KeyError if it does not have it)."""
        if node_class is None:
            return dict(self.get("/object_info"))
        return dict(self.get(f"/object_info/{node_class}")[node_class])

    def upload(self, picture: Path | Image.Image, name: str | None = None) -> str:
        """Put a picture into the server's input folder; returns the name LoadImage knows it by."""
        if isinstance(picture, Path):
            data, name = picture.read_bytes(), name or picture.name
        else:
            buffer = io.BytesIO()
            picture.save(buffer, "PNG")
            data, name = buffer.getvalue(), name or f"{uuid.uuid4().hex}.png"
        reply = requests.post(
            f"{self.url}/upload/image", files={"image": (name, data)}, data={"overwrite": "true"}, timeout=60
        )
        reply.raise_for_status()
        answer = reply.json()
        return f"{answer['subfolder']}/{answer['name']}".lstrip("/")

    def submit(self, graph: dict[str, Any]) -> str:
        """Queue an API-format graph; returns the prompt id. Raises GraphError when any part of it is refused."""
        reply = requests.post(f"{self.url}/prompt", json={"prompt": graph, "client_id": uuid.uuid4().hex}, timeout=60)
        answer = reply.json() if "json" in reply.headers.get("Content-Type", "") else reply.text
        if reply.status_code != 200 or answer.get("node_errors"):
            raise GraphError(f"the server refused the graph: {answer}", answer)
        return str(answer["prompt_id"])

    def history(self, prompt_id: str, timeout: float = 300.0) -> dict[str, Any]:
        """Wait for the job's end; returns its whole history entry, failed or not.

        The longer it takes, the less often it is asked: fifty times a second, asking alone took a tenth of a core of
        this process, and the server's answers some of what it works with.
        """
        began = time.monotonic()
        while (passed := time.monotonic() - began) < timeout:
            entry = self.get(f"/history/{prompt_id}").get(prompt_id)
            if entry is not None:
                return dict(entry)
            if self.process is not None and self.process.poll() is not None:
                raise ServerFailed("ComfyUI died:\n" + server_process.log_tail(self.log_path, lines=60))
            time.sleep(min(0.25, max(0.02, passed / 20)))
        raise ServerFailed(f"the job did not end within {timeout:.0f} s:\n" + server_process.log_tail(self.log_path))

    def run(self, graph: dict[str, Any], timeout: float = 300.0) -> dict[str, dict[str, Any]]:
        """Execute an API-format graph; returns its outputs by node id. Raises GraphError when a node fails."""
        entry = self.history(self.submit(graph), timeout)
        if entry["status"]["status_str"] != "success":
            failures = [message for kind, message in entry["status"]["messages"] if kind == "execution_error"]
            said = failures[0]["exception_message"] if failures else entry["status"]
            raise GraphError(f"{failures[0]['node_type'] if failures else 'the job'} failed: {said}", failures)
        outputs: dict[str, dict[str, Any]] = dict(entry["outputs"])
        for (
            node_id,
            shown,
        ) in outputs.items():  # as docs/node-reports.md says, whichever node of the pack
            if "text" in shown and graph.get(node_id, {}).get("class_type", "").startswith("Prodgen"):
                assert shown.get("prodgen_report") == shown["text"], graph[node_id]
        return outputs

    def fetch(self, file: dict[str, str]) -> bytes:
        """The bytes of one output file as `run` lists it (`filename`, `subfolder`, `type`)."""
        reply = requests.get(f"{self.url}/view", params=file, timeout=60)
        reply.raise_for_status()
        return reply.content

    def picture(self, file: dict[str, str]) -> Image.Image:
        """One output file, opened."""
        with Image.open(io.BytesIO(self.fetch(file))) as opened:
            opened.load()
            return opened.copy()
