"""Files of a training: checkpoints that are the same bytes for the same weights, and what a resumed training needs."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..imaging.errors import ParameterError

_NAMES = {torch.float32: "F32", torch.bfloat16: "BF16", torch.float16: "F16", torch.int64: "I64", torch.float64: "F64"}
_TYPES = {name: kind for kind, name in _NAMES.items()}


def write_weights(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """A safetensors file, whole or not at all. The package's own writer orders metadata at random."""
    header: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items()))}
    offset = 0
    plain = {name: tensors[name].detach().cpu().contiguous() for name in sorted(tensors)}
    for name, tensor in plain.items():
        size = tensor.numel() * tensor.element_size()
        header[name] = {
            "dtype": _NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [offset, offset + size]
        }  # fmt: skip
        offset += size
    text = json.dumps(header, ensure_ascii=True).encode()
    text += b" " * (-len(text) % 8)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with draft.open("wb") as stream:
            stream.write(len(text).to_bytes(8, "little") + text)
            for tensor in plain.values():
                stream.write(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def read_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """(tensors, metadata) of a file that was written here. Raises ValueError or OSError where it is damaged."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        low, high = entry["data_offsets"]
        raw = bytearray(data[8 + length + low : 8 + length + high])
        kind, shape = _TYPES[entry["dtype"]], entry["shape"]
        if len(raw) != high - low:
            raise ValueError(f"{path.name} is cut off")
        tensors[name] = torch.frombuffer(raw, dtype=kind).reshape(shape) if raw else torch.zeros(shape, dtype=kind)
    return tensors, metadata


def sound(path: Path) -> bool:
    """Whether a file that was written here is whole."""
    try:
        read_weights(path)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False
    return True


def sha256_of(path: Path) -> str:
    """The hash of a file, as model sites give it."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 22):
            digest.update(block)
    return digest.hexdigest()


def identity(settings: Mapping[str, Any], tensors: Iterable[Tensor], texts: Iterable[str]) -> str:
    """Sixteen hex digits that are others as soon as a picture, a mask, a caption or a setting is."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for tensor in tensors:
        digest.update(str(tuple(tensor.shape)).encode())
        digest.update(tensor.detach().cpu().float().contiguous().numpy().tobytes())
    for text in texts:
        digest.update(text.encode("utf-8", "replace") + b"\0")
    return digest.hexdigest()[:16]


@dataclass(frozen=True)
class Places:
    """Where the files of one training lie: its checkpoints among the LoRAs, its state where nobody loads it."""

    loras: Path
    states: Path
    name: str
    mark: str
    """Of its identity: another dataset or recipe under the same name is another training."""

    def __post_init__(self) -> None:
        if not self.name or any(sign in self.name for sign in '/\\:*?"<>|') or "_steps_" in self.name:
            raise ParameterError(f"name is {self.name!r}: a plain name without / and without `_steps_` is needed.")

    def checkpoint(self, step: int) -> Path:
        """`<name>_<step>_steps_<mark>.safetensors`, which core's trainer reads the steps from, too."""
        return self.loras / f"{self.name}_{step:06}_steps_{self.mark[:8]}.safetensors"

    def checkpoints(self) -> dict[int, Path]:
        """Step -> file of all that are there, the first step first."""
        start, end = f"{self.name}_", f"_steps_{self.mark[:8]}.safetensors"
        names = [path.name for path in self.loras.glob("*.safetensors")] if self.loras.is_dir() else []
        steps = sorted(
            int(name[len(start) : -len(end)])
            for name in names
            if name.startswith(start) and name.endswith(end) and name[len(start) : -len(end)].isdigit()
        )
        return {step: self.checkpoint(step) for step in steps}

    @property
    def state(self) -> Path:
        return self.states / f"{self.name}_{self.mark}.state"
