"""What a file that calls itself a model holds, where no hash tells."""

from __future__ import annotations

from pathlib import Path

from runner.files.tensors import is_whole

_HEAD_BYTES = 512
"""Of a file's beginning: enough for a page's first tag behind blank lines, and for all of a pointer."""
_MARK = b"\xef\xbb\xbf"
"""By which a text may say that it is UTF-8."""
_BEGINNINGS = (
    (b"<", "a web page"),
    (b"version https://git-lfs", "a pointer of Git LFS and not the file that it points to"),
    (b"{", "an answer in JSON"),
)
"""How what hosts send in a file's place begins. No format of weights begins so: pickles, zips, ONNX and GGUF have bytes
of their own there, and safetensors is looked at as a whole."""


def what_instead(path: Path, suffix: str) -> str:
    """What the file is instead of a model whose name ends in `suffix`, in words; "" where nothing says so.

    Raises OSError where it cannot be read.
    """
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES).removeprefix(_MARK).lstrip()
    for beginning, what in _BEGINNINGS:
        if head.lower().startswith(beginning):
            return what
    if suffix.lower() == ".safetensors" and not is_whole(path):
        return "no whole safetensors file"
    return ""
