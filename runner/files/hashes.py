"""SHA-256 of large files, remembered: a 20 GB file is read once, then only when its size or time changes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runner.data import parse_answer
from runner.files.reading import open_file, read_text

CHUNK = 1 << 22
"""4 MiB: sha256 costs far more than the read."""


def cache_file() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or str(Path.home() / ".cache")
    return Path(base) / "prodgen" / "sha256.json"


def file_sha256(path: Path, *, cache: Path | None = None, on_read: Callable[[int], None] | None = None) -> str:
    """The hash of a file; from the cache while its path, size and modification time are those it was read with."""
    cache = cache or cache_file()
    cached = cached_sha256(path, cache=cache)
    if cached is not None:
        return cached
    before = path.stat()
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
            if on_read is not None:
                on_read(len(chunk))
    remember_sha256(path, digest.hexdigest(), cache=cache, stat=before)
    return digest.hexdigest()


def content_sha256(path: Path) -> str:
    """The hash of what a file holds now, read every time; "" where it cannot be read or is no file."""
    digest = hashlib.sha256()
    try:
        with open_file(path) as stream:
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
    except OSError:
        return ""
    return digest.hexdigest()


def cached_sha256(path: Path, *, cache: Path | None = None) -> str | None:
    """The remembered hash, or None; never reads the file."""
    entry = _load(cache or cache_file()).get(str(path.resolve()))
    stat = path.stat()
    if not isinstance(entry, dict) or (entry.get("size"), entry.get("mtime_ns")) != (stat.st_size, stat.st_mtime_ns):
        return None
    digest = entry.get("sha256")
    return digest if isinstance(digest, str) else None


def remember_sha256(path: Path, digest: str, *, cache: Path | None = None, stat: os.stat_result | None = None) -> None:
    """Note the hash of a file just read or written. A cache that cannot be written only costs time."""
    cache = cache or cache_file()
    stat = stat or path.stat()
    entries = _load(cache)
    entries[str(path.resolve())] = {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns, "sha256": digest}
    with contextlib.suppress(OSError):
        cache.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=cache.parent, delete=False, encoding="utf-8") as stream:
            json.dump(entries, stream)
        Path(stream.name).replace(cache)


def _load(cache: Path) -> dict[str, Any]:
    try:
        data = parse_answer(read_text(cache))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}
