"""Seconds of a whole packshot on a warm server, node by node, and the server's memory peak.

    python benchmarks/packshot.py [--server URL] [--sizes 1024,2048,4096] [--workflow packshot]
                                  [--networks none,u2netp.onnx,isnet_fp16.onnx]

`--workflow` is one as the runner takes it: a bare name is its newest version. Without `--server` the ComfyUI that
install.py installed is started on a free port and stopped at the end. The photo is made here (a bag with a handle on a
shaded backdrop); every run changes a pixel, so that nothing comes from the cache. `--networks` repeats the sizes with
each installed network for the cut-out, `none` without one, and prints the ratio to the first; on a server of its own.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import statistics
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

import requests
import websocket
from PIL import Image

REPO = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPO))

from runner.workflow.load import load_workflow  # noqa: E402 - the repository is not installed
from tests.support.comfy import ComfyServer, find_installation  # noqa: E402
from tests.workflows import published, studio  # noqa: E402


def photo(side: int, run: int) -> bytes:
    picture = studio.bag(min(side, 1500), min(side, 1500), share=0.8).photo
    picture = picture.resize((side, side), Image.Resampling.BICUBIC)
    picture.putpixel((0, 0), (200 + run % 50, 200, 200))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def timed(url: str, graph: dict[str, Any]) -> tuple[float, dict[str, float]]:
    """Wall seconds from POST to the end, and seconds per node class, from the server's own events."""
    client = uuid.uuid4().hex
    socket = websocket.create_connection(f"{url.replace('http', 'ws', 1)}/ws?clientId={client}", timeout=600)
    start = time.perf_counter()
    reply = requests.post(f"{url}/prompt", json={"prompt": graph, "client_id": client}, timeout=60).json()
    if "prompt_id" not in reply:
        raise SystemExit(f"the server refused the workflow: {reply}")
    seconds: dict[str, float] = {}
    running, since = "", start
    while True:
        message = socket.recv()
        if not isinstance(message, str):
            continue
        event = json.loads(message)
        if event["data"].get("prompt_id") != reply["prompt_id"]:
            continue
        if event["type"] == "execution_error":
            raise SystemExit(f"{event['data']['node_type']} failed: {event['data']['exception_message']}")
        if event["type"] == "executing":
            now = time.perf_counter()
            if running:
                kind = graph[running]["class_type"]
                seconds[kind] = seconds.get(kind, 0.0) + now - since
            running, since = event["data"]["node"] or "", now
            if not running:
                socket.close()
                return now - start, seconds


def peak_gigabytes(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024**2


def measure(url: str, workflow: str, side: int, runs: int) -> dict[str, Any]:
    newest = load_workflow(workflow)
    graph, workflow = dict(newest.graph), newest.label
    walls, nodes = [], []
    for run in range(runs + 1):
        name = f"benchmark_{side}_{run}_{uuid.uuid4().hex[:8]}.png"
        data = photo(side, run)
        requests.post(f"{url}/upload/image", files={"image": (name, data)}, timeout=120).raise_for_status()
        wall, seconds = timed(url, published.with_values(graph, image=name))
        if run:  # the first warms up
            walls.append(wall)
            nodes.append(seconds)
    print(f"\n{workflow}, photo {side}²: {statistics.median(walls):.2f} s (median of {runs}, best {min(walls):.2f})")
    per_node = {kind: statistics.median(run.get(kind, 0.0) for run in nodes) for kind in nodes[0]}
    for kind, value in sorted(per_node.items(), key=lambda entry: -entry[1]):
        print(f"    {kind:28} {value:7.3f} s")
    return {"workflow": workflow, "side": side, "seconds": walls, "nodes": per_node}


def place(server: ComfyServer, network: str) -> None:
    """Give the server this network of the installation as its only one; `none`: take it away."""
    folder = server.models_dir / "background_removal"
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.onnx"):
        old.unlink()
    if network != "none":
        shutil.copy2(server.installation.comfyui / "models" / "background_removal" / network, folder / network)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server")
    parser.add_argument("--sizes", default="1024,2000,4096")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--workflow", default="packshot")
    parser.add_argument("--networks", default="none", help="files of models/background_removal, or none")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    networks = arguments.networks.split(",")
    if arguments.server and networks != ["none"]:
        parser.error("--networks is for a server of its own: without --server")
    own = None
    if not arguments.server:
        installation = find_installation()
        if installation is None:
            parser.error("no ComfyUI: run `python install.py`, or name one with --server")
        own = ComfyServer(installation, Path(tempfile.mkdtemp())).start()
    url = arguments.server or own.url  # type: ignore[union-attr]  # one of the two is there
    try:
        rows: list[dict[str, Any]] = []
        for network in networks:
            if own is not None:
                place(own, network)
            for index, side in enumerate(arguments.sizes.split(",")):
                row = measure(url, arguments.workflow, int(side), arguments.runs)
                rows.append(dict(row, network=network))
                if network != networks[0]:
                    ratio = statistics.median(row["seconds"]) / statistics.median(rows[index]["seconds"])
                    print(f"    {network}: {ratio:.2f} of the time with {networks[0]}")
        if own is not None:
            print(f"\nmemory peak of the server: {peak_gigabytes(own.pid):.2f} GiB")
    finally:
        if own is not None:
            own.stop()
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
