"""Where a ComfyUI keeps its models, and which files of the manifest are there."""

from __future__ import annotations

import glob
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from runner.data import located, parse_yaml
from runner.errors import UsageError
from runner.files.hashes import file_sha256
from runner.files.reading import read_text
from runner.models.manifest import Manifest, Model, human_size

_OLD_NAMES = {"diffusion_models": ("unet",), "text_encoders": ("clip",)}
_EXTRA_PATHS = "extra_model_paths.yaml"


class ModelState(str, Enum):
    """How a model is on disk."""

    OK = "ok"
    """It is there and has the size and the hash of the manifest."""
    UNVERIFIED = "unverified"
    """It is there and has the size; no hash is known for it."""
    DAMAGED = "damaged"
    """It is there with another size or another hash."""
    MISSING = "missing"
    """No folder of models has it."""
    OPTIONAL = "optional"
    """It is missing, and nothing that was asked about needs it."""

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Verdict:
    """What checking one model on disk showed."""

    state: ModelState
    path: Path | None = None
    detail: str = ""
    sha256: str | None = None


@dataclass(frozen=True)
class ModelStore:
    """The model folders of one ComfyUI; new files go under `models_dir`."""

    models_dir: Path
    extra: tuple[tuple[str, Path], ...] = ()
    """(folder name, path) from `extra_model_paths.yaml`."""

    def target(self, model: Model) -> Path:
        """Where a download goes. The manifest's names were checked; they cannot lead out of `models_dir`."""
        return self.models_dir / model.relative_path

    def find(self, model: Model) -> Path | None:
        """The file where ComfyUI would see it: its own place first, then any sub-folder of the model folders,
        then under another name it goes by."""
        target = self.target(model)
        if target.is_file():
            return target
        for name in model.all_names:
            for folder in self._folders(model.folder):
                direct = folder / name
                if direct.is_file():
                    return direct
                path_below = next((path for path in sorted(folder.rglob(glob.escape(name))) if path.is_file()), None)
                if path_below is not None:
                    return path_below
        return None

    def has(self, name: str, folder: str | None = None) -> bool:
        """Whether a file of this name (with folders before it, in either system's writing) is among the models of
        `folder`, or of any where that is not known."""
        parts = name.replace("\\", "/").split("/")
        if any(part in ("", ".", "..") for part in parts):
            return False
        places = self._folders(folder) if folder is not None else (self.models_dir, *(path for _, path in self.extra))
        return any(
            path.is_file() and path.parts[-len(parts) :] == tuple(parts)
            for place in places
            for path in place.rglob(glob.escape(parts[-1]))
        )

    def in_place_of(self, model: Model, manifest: Manifest) -> Model:
        """The model, or the one that is there instead of it."""
        if self.find(model) is None and model.instead is not None:
            other = self.in_place_of(manifest.get(model.instead), manifest)
            return model if self.find(other) is None else other
        return model

    def _folders(self, name: str) -> Iterator[Path]:
        names = (name, *_OLD_NAMES.get(name, ()))
        candidates = [self.models_dir / each for each in names]
        candidates += [path for folder, path in self.extra if folder in names]
        return (path for path in candidates if path.is_dir())

    def check(self, model: Model, *, cache: Path | None = None) -> Verdict:
        """Size first (cheap), then the hash (remembered while size and time stay the same)."""
        path = self.find(model)
        if path is None:
            return Verdict(ModelState.MISSING)
        size = path.stat().st_size
        if model.bytes is not None and size != model.bytes:
            return Verdict(
                ModelState.DAMAGED, path, f"{human_size(size)} ({size} bytes) instead of {model.bytes} bytes"
            )
        if model.sha256 is None:
            return Verdict(ModelState.UNVERIFIED, path, "no sha256 is known for it")
        digest = file_sha256(path, cache=cache)
        if digest != model.sha256:
            doubt = " (that hash is not confirmed by its maker)" if model.sha256_status == "mirror" else ""
            return Verdict(ModelState.DAMAGED, path, f"sha256 {digest} instead of {model.sha256}{doubt}", digest)
        return Verdict(ModelState.OK, path, "", digest)


def open_store(comfyui: Path | None) -> ModelStore:
    """The models of the ComfyUI in this folder, or of the installed one. Raises UsageError if there is none."""
    if comfyui is None:
        from runner.local_server.process import installed_comfyui  # the one place that knows what install.py did

        installation = installed_comfyui()
        if installation is None:
            raise UsageError(
                "no ComfyUI is installed here, so there is no models folder.",
                advice="Run `python install.py`, or name yours with --comfyui DIR.",
            )
        comfyui = installation.comfyui
    elif not (comfyui / "models").is_dir() and not (comfyui / "main.py").is_file():
        raise UsageError(f"{comfyui}: this is no ComfyUI folder (it has neither main.py nor models/).")
    return ModelStore(comfyui / "models", tuple(_extra_folders(comfyui / _EXTRA_PATHS)))


def _extra_folders(path: Path) -> Iterator[tuple[str, Path]]:
    """(folder name, path) pairs of ComfyUI's own list of further model folders."""
    if not path.is_file():
        return
    try:
        data: Any = parse_yaml(read_text(path), distinct=False)  # as ComfyUI reads it
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror or error}).") from error
    except ValueError as error:
        raise UsageError(f"{path}: this is not valid YAML ({located(error)}).") from error
    for section in data.values() if isinstance(data, dict) else ():
        if not isinstance(section, dict):
            continue
        base = Path(str(section.get("base_path") or path.parent)).expanduser()
        base = base if base.is_absolute() else path.parent / base
        for name, value in section.items():
            if name not in ("base_path", "is_default") and isinstance(value, str):
                yield from ((str(name), base / line.strip()) for line in value.splitlines() if line.strip())
