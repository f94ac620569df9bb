"""Where finished files go: ComfyUI's output folder, its naming, and the graph in a PNG's metadata."""

from __future__ import annotations

import glob
import json
from pathlib import Path

import folder_paths
from comfy.cli_args import args
from comfy_api.latest import io, ui


def graph_texts(cls: type[io.ComfyNode]) -> dict[str, str]:
    """What SaveImage writes into a PNG, so that dropping it on the canvas opens the graph; empty when switched off."""
    if args.disable_metadata or cls.hidden is None:
        return {}
    texts: dict[str, str] = {}
    if cls.hidden.prompt is not None:
        texts["prompt"] = json.dumps(cls.hidden.prompt)
    for key, value in (cls.hidden.extra_pnginfo or {}).items():
        texts[key] = json.dumps(value)
    return texts


class OutputFiles:
    """Numbered files in the output folder, named as SaveImage names them."""

    def __init__(self, prefix: str, width: int, height: int) -> None:
        folder, name, counter, subfolder, _ = folder_paths.get_save_image_path(
            prefix, folder_paths.get_output_directory(), width, height
        )
        self._folder, self._name, self._subfolder = Path(folder), name, subfolder
        self._counter = self._first_free(counter)
        self.saved: list[ui.SavedResult] = []

    def _first_free(self, counter: int) -> int:
        # ComfyUI counts the files named `<prefix>_<number>_`; a `_mask` or another suffix of ours follows that.
        # The name itself is no pattern: `bag [1]`.
        begin = "*".join(map(glob.escape, self._name.split("%batch_num%")))
        while any(self._folder.glob(f"{begin}_{counter:05}_*")):
            counter += 1
        return counter

    def write(self, index: int, suffix: str, data: bytes) -> str:
        """Save one file of the `index`-th picture; returns its name. Written whole or not at all."""
        name = f"{self._name.replace('%batch_num%', str(index))}_{self._counter + index:05}_{suffix}"
        part = self._folder / f".{name}.part"
        part.write_bytes(data)
        part.replace(self._folder / name)
        self.saved.append(ui.SavedResult(name, self._subfolder, io.FolderType.output))
        return name
