"""Load Training Photos: a folder of pictures with captions, each with the product's mask."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import folder_paths
import numpy as np
import torch
from comfy_api.latest import io
from PIL import Image, ImageOps

from ...imaging.errors import ParameterError, ShapeError
from ..common import CATEGORY, output

_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
_SIDE = 16
"""Pixels that sides divide by: those of one latent cell of FLUX.2, two of Stable Diffusion's."""


class ProdgenTrainingPhotos(io.ComfyNode):
    """Pictures, masks and captions as lists, in the order of their names."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ProdgenTrainingPhotos",
            display_name="Load Training Photos",
            category=CATEGORY,
            description=(
                "Loads the pictures of a folder in the input folder for training: upright, in the order of their "
                "names, each with its caption (<name>.txt) and the product's mask from its alpha."
            ),
            has_intermediate_output=True,
            search_aliases=["dataset", "training images", "load image text folder", "captions"],
            inputs=[
                io.String.Input(
                    "folder", default="", tooltip="The folder below ComfyUI's input folder. It is read anew when a "
                    "file in it changes."
                ),
            ],
            outputs=[
                io.Image.Output(display_name="images", is_output_list=True, tooltip="One RGB picture each."),
                io.Mask.Output(display_name="masks", is_output_list=True, tooltip="1 = product; all 1 without alpha."),
                io.String.Output(display_name="captions", is_output_list=True, tooltip="The text beside each picture."),
                io.String.Output(display_name="report", tooltip="JSON: the names, sizes, and what has no mask."),
            ],
        )  # fmt: skip

    @classmethod
    def fingerprint_inputs(cls, folder: str) -> str:
        """The content of every file: what was replaced under an old name is read anew."""
        digest = hashlib.sha256()
        for path in _files(folder):
            digest.update(path.name.encode("utf-8", "replace"))
            for one in (path, path.with_suffix(".txt")):
                digest.update(hashlib.sha256(one.read_bytes()).digest() if one.is_file() else b"-")
        return digest.hexdigest()

    @classmethod
    def execute(cls, folder: str) -> io.NodeOutput:
        paths = _files(folder)
        if not paths:
            raise ParameterError(f"folder {folder!r}: there is no picture in it. Put PNG or JPEG files there.")
        images, masks, captions, unmasked, sizes = [], [], [], [], []
        for path in paths:
            image, mask = _picture(path)
            images.append(image)
            masks.append(torch.ones(image.shape[:3]) if mask is None else mask)
            unmasked += [path.name] if mask is None else []
            sizes.append([image.shape[2], image.shape[1]])
            text = path.with_suffix(".txt")
            captions.append(" ".join(text.read_text(encoding="utf-8").split()) if text.is_file() else "")
        report = {
            "pictures": [path.name for path in paths],
            "sizes": sizes,
            "without_mask": unmasked,
            "without_caption": [path.name for path, one in zip(paths, captions, strict=True) if not one],
        }
        return output(images, masks, captions, report=report)


def _files(folder: str) -> list[Path]:
    """The pictures of a folder below the input folder, sorted. Raises ParameterError where it is none or leads out."""
    root = Path(folder_paths.get_input_directory()).resolve()
    place = (root / folder).resolve()
    if not folder.strip() or not place.is_relative_to(root) or not place.is_dir():
        raise ParameterError(f"folder {folder!r}: there is no such folder in ComfyUI's input folder.")
    return sorted(path for path in place.iterdir() if path.suffix.lower() in _SUFFIXES)


def _picture(path: Path) -> tuple[torch.Tensor, torch.Tensor | None]:
    """(`[1,H,W,3]`, `[1,H,W]` or None), upright."""
    with Image.open(path) as opened:
        upright: Any = ImageOps.exif_transpose(opened)
        whole = upright.convert("RGBA")
    if whole.width % _SIDE or whole.height % _SIDE:
        raise ShapeError(
            f"{path.name} is {whole.width} × {whole.height}: sides that divide by {_SIDE} are trained. Scale it first, "
            "or let `python -m runner train` do it."
        )
    pixels = np.asarray(whole, dtype=np.float32) / 255.0
    alpha = torch.from_numpy(pixels[..., 3].copy())[None]
    return torch.from_numpy(pixels[..., :3].copy())[None], None if float(alpha.min()) >= 1 else alpha
