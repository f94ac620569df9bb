"""The archive that the Comfy Registry would hand out: what `comfy node pack` puts into it, in the same way."""

from __future__ import annotations

import fnmatch
import shutil
import subprocess
import zipfile
from pathlib import Path

from tests.support.comfy import PACK


def packed_files() -> list[str]:
    """Every file of the pack that git knows and `.comfyignore` does not name, relative to the pack."""
    git = shutil.which("git")
    listed: list[str] = []
    if git is not None:
        answer = subprocess.run([git, "-C", str(PACK), "ls-files", "-z"], capture_output=True, check=False)
        listed = [name for name in answer.stdout.decode("utf-8").split("\0") if name]
    if not listed:  # a checkout without git: what is there, but for what Python leaves behind
        here = (path for path in PACK.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        listed = [path.relative_to(PACK).as_posix() for path in here]
    ignored = (PACK / ".comfyignore").read_text(encoding="utf-8").splitlines()
    patterns = [line for line in ignored if line and not line.startswith("#")]
    return sorted(name for name in listed if (PACK / name).is_file() and not _ignored(name, patterns))


def _ignored(name: str, patterns: list[str]) -> bool:
    """The part of gitignore's language that our `.comfyignore` uses: a name at the root, a folder with its slash."""
    return any(
        name.startswith(pattern.lstrip("/")) if pattern.endswith("/") else fnmatch.fnmatch(name, pattern.lstrip("/"))
        for pattern in patterns
    )


def pack_into(archive: Path) -> Path:
    """Write the archive; returns it."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        for name in packed_files():
            opened.write(PACK / name, name)
    return archive
