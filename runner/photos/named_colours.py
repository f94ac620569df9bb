"""The colours that a photo names by number instead of by a profile: which they are, and the profile to convert from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import PhotoError

if TYPE_CHECKING:
    from PIL import Image

    from runner.files.png import Structure
    from runner.photos.cicp import CodePoints


def code_points(image: Image.Image, png: Structure | None, raw: bytes, notes: list[str]) -> CodePoints | None:
    """What the file names. A PNG's overrule its profile and its gamma; a HEIC's or AVIF's profile overrules them."""
    chunk = None if png is None else png.cicp
    if chunk is None and (image.format not in ("HEIF", "AVIF") or image.info.get("icc_profile")):
        return None
    from runner.photos import cicp  # with numpy; most photos name nothing

    try:
        if chunk is None:
            return _of_still(image, raw)
        named = cicp.CodePoints.of_png(chunk)
    except cicp.UnknownCodeError:
        notes.append("its cICP chunk is damaged and was ignored")
        return None
    if named is not None:
        image.info.pop("icc_profile", None)
        image.info.pop("gamma", None)
    return named


def _of_still(image: Image.Image, raw: bytes) -> CodePoints | None:
    from runner.photos import cicp

    nclx = image.info.get("nclx_profile")
    if nclx:
        return cicp.CodePoints.of_still(nclx["color_primaries"], nclx["transfer_characteristics"])
    return cicp.code_points_of_avif(raw) if image.format == "AVIF" else None


def profile_of(named: CodePoints, path: Path, notes: list[str], *, gray: bool) -> bytes | None:
    """The profile to convert from, None for sRGB. Raises PhotoError for what cannot be shown in sRGB."""
    from runner.photos import cicp

    if named.is_srgb:
        return None
    try:
        profile = named.profile(gray=gray)
    except cicp.HdrError as error:
        raise PhotoError(
            f"{path}: this is an HDR picture ({error}); how bright its colours are in a shop is not defined.",
            advice="Export it as an ordinary (SDR) JPEG or PNG.",
        ) from None
    except cicp.UnknownCodeError as error:
        raise PhotoError(
            f"{path}: its colours are named by a number that cannot be read ({error}).",
            advice="Export it as an sRGB JPEG or PNG.",
        ) from None
    notes.append(f"converted from {named.name} (named in the file) to sRGB")
    return profile
