"""File names of results: from our own template, never from the server; never over an existing file, never outside."""

from __future__ import annotations

import re
import string
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from runner.errors import UsageError

PLACEHOLDERS = ("image", "workflow", "channel", "seed", "index", "time", "date")
"""What a template may hold. A result without a template is called by `default_name`."""
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"|?*]')
_UNSAFE = re.compile('[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029<>:"|?*\\\\/]')
_SPEC = re.compile(r"(?:.?[<^>])?0?\d{0,3}(?:\.\d{1,3})?s?")
_TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
"""What turns the writing round or cannot be seen: a table of results does not hold it, so a name must not either."""
_RESERVED = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
MOST_BYTES = 170
"""Of a result's name without what is added to it: file systems take 255, and `_<output>_2_2.json.part` must fit in."""
_OUTPUT_BYTES = 50
"""Of an output's own name among them; a title may be a sentence."""
_PART = re.compile(r"_\d{5}_([A-Za-z]{1,20}|\d{2,4}_.{1,60})\.[A-Za-z0-9]+$")
_NUMBERED = re.compile(r"\d{2,4}_.")
OBJECTS = "objects"
"""A job of this name has its folder to itself: what its nodes have numbered (`01_shoe`) is called by that alone."""
_SUFFIXES = frozenset(
    f".{kind}"
    for kinds in (
        "png jpg jpeg webp gif apng avif bmp tif tiff exr hdr svg",
        "mp4 webm mov mkv avi m4v",
        "flac mp3 opus ogg wav m4a aac",
        "txt md csv json srt vtt",
        "glb gltf obj stl ply fbx usdz splat ksplat spz",
        "latent safetensors",
    )
    for kind in kinds.split()
)
RESULT_SUFFIXES = _SUFFIXES | {".bin"}
"""Of every file that a result may have: the record's among them."""
"""What ComfyUI and its nodes make: pictures, videos, sound, text, 3D, tensors. Nothing that a double click runs."""


def timestamp(moment: float) -> str:
    """`DDMMYYYY-HHMMSS` in local time: {date}."""
    return time.strftime("%d%m%Y-%H%M%S", time.localtime(moment))


def sortable_time(moment: float) -> str:
    """`YYYYMMDD-HHMMSS` in local time: {time}. By name is by age."""
    return time.strftime("%Y%m%d-%H%M%S", time.localtime(moment))


def default_name(workflow: str, *, photo: str = "", channel: str = "", seed: int | None = None, moment: float) -> Path:
    """What tells a result from others: `<photo>_<workflow>[_<channel>][_seed<N>]`; the time in place of the photo
    where there is none.

    Args:
        photo: the first photo's stem.
        channel: the shop, where it is not the workflow's own.
        seed: None where the workflow has none.
    """
    parts = [photo or sortable_time(moment), workflow, channel, "" if seed is None else f"seed{seed}"]
    return Path(_joined([safe_name(part) for part in parts if part]))


def _joined(parts: Sequence[str]) -> str:
    """Joined by `_`, no longer than a name may be: it is the first part, the photo's name, that gives way."""
    tail = "".join(f"_{part}" for part in parts[1:])
    first = safe_name(parts[0], most_bytes=max(20, MOST_BYTES - len(tail.encode())))
    return safe_name(f"{first}{tail}")


def safe_name(text: str, *, limit: int = 120, most_bytes: int = MOST_BYTES) -> str:
    """One path component any file system takes; never empty, never `.` or `..`, never hidden.

    At most `limit` characters and `most_bytes` bytes: file systems count bytes, and a character may have four.
    """
    name = _UNSAFE.sub("_", _TURNING.sub("_", text)).strip(" .")[:limit]
    name = name.encode("utf-8")[:most_bytes].decode("utf-8", "ignore").strip(" .")
    return f"_{name}" if _RESERVED.match(name) else name or "_"


def safe_folder(text: str) -> str:
    """The same for a folder of results, which must not stand where a result may: `a.png` becomes `a_png`."""
    name = safe_name(text)
    stem, dot, kind = name.rpartition(".")
    return f"{stem}_{kind}" if stem and f"{dot}{kind}".lower() in RESULT_SUFFIXES | {".part"} else name


def safe_suffix(filename: str) -> str:
    """The extension of a name the server gave, if it is of a kind that nodes make; `.bin` otherwise."""
    suffix = PurePosixPath(filename.replace("\\", "/")).suffix.lower()
    return suffix if suffix in _SUFFIXES else ".bin"


def part_of_output(filename: str) -> str:
    """What a node calls one of its several files after ComfyUI's counter: `mask` of `cutout_00001_mask.png`, `01_shoe`
    of `cutouts_00001_01_shoe.png`, or ""."""
    match = _PART.search(filename)
    return match.group(1) if match else ""


def leads_out(name: str) -> bool:
    """Whether this path, from a record that somebody else may have written, may lead out of the folder it belongs to.

    Paths this project writes hold no drive, no `..` and nothing reserved.
    """
    parts = name.split("/")
    return any(part in ("", ".", "..") or _UNSAFE.search(part) or _RESERVED.match(part) for part in parts)


def below(folder: Path, name: str) -> Path | None:
    """`folder`/`name`; None where that is outside of the folder, by its name or by a link."""
    if leads_out(name):
        return None
    path = folder / name
    try:
        return path if path.resolve().is_relative_to(folder.resolve()) else None
    except (OSError, RuntimeError):  # a circle of links
        return None


def check_template(template: str) -> None:
    """Refuse a `--name` that cannot become a file name below `--out`, before anything is submitted."""
    try:
        parts = list(string.Formatter().parse(template))
        names = [name for _, name, _, _ in parts if name is not None]
        unknown = [name for name in names if name not in PLACEHOLDERS]
    except ValueError as error:
        raise UsageError(f"--name {template!r}: {error}.", advice="Write {{ and }} for braces.") from error
    if unknown:
        placeholders = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
        raise UsageError(f"--name {template!r}: there is no {{{unknown[0]}}}.", advice=f"There are {placeholders}.")
    wrong = next((spec for _, name, spec, _ in parts if name is not None and not _fits(spec or "")), None)
    if wrong is not None:
        raise UsageError(f"--name {template!r}: {wrong[:40]!r} is no format for a name.", advice="Write just {seed}.")
    path = PurePosixPath(template.replace("\\", "/"))
    if path.is_absolute() or re.match(r"^[A-Za-z]:[\\/]", template) or ".." in path.parts:
        raise UsageError(f"--name {template!r} leads out of --out.", advice="Name the folder with --out.")
    forbidden = sorted(set(_FORBIDDEN.findall("".join(text for text, _, _, _ in parts))))
    if forbidden:
        shown = " ".join(character if character.isprintable() else repr(character)[1:-1] for character in forbidden)
        raise UsageError(
            f"--name {template!r}: a file name cannot hold {shown}",
            advice=r'What none can hold on every system: < > : " | ? * and control characters; / and \ make folders.',
        )
    if not path.name or template.endswith(("/", "\\")):
        raise UsageError("--name is empty.", advice="Without --name, results are named by photo, workflow and shop.")


def _fits(spec: str) -> bool:
    """Whether a text can be written so, in no more characters than a name has."""
    if not _SPEC.fullmatch(spec):
        return False
    try:
        format("x", spec)
    except ValueError:
        return False
    return True


def expand(template: str, values: Mapping[str, object]) -> Path:
    """The template with its values, as a path below the output folder and without extension."""
    parts = template.replace("\\", "/").split("/")
    safe = {key: safe_name(str(value)) for key, value in values.items()}
    *folders, last = [part.format(**safe) for part in parts if part not in ("", ".")]
    names = [*map(safe_folder, folders), safe_name(last)]
    if PurePosixPath(names[-1]).suffix.lower() in (".png", ".jpg", ".jpeg", ".webp"):
        names[-1] = names[-1].rpartition(".")[0]  # `--name product.png`: the file's own kind decides
    return Path(*names)


@dataclass(frozen=True)
class ResultFile:
    """`output`: the output it is of; `part`: what its node calls it beside others (`mask`, `01_shoe`), or ""."""

    output: str
    suffix: str
    part: str = ""


def distinct_names(stem: str, files: Sequence[ResultFile]) -> list[str]:
    """File names for the results of one job: what is in them tells them apart.

    A file alone of its kind (`.png`, `.jpg`, …) is `<stem>.<kind>`. Where several outputs have files of one kind, each
    is called by its output: `<stem>_small.png`, `<stem>_inv.png`; a part of an output by its own name behind that:
    `<stem>_mask.png`. Several files of one output are counted: `<stem>_01.png`, `<stem>_02.png`. What a node has
    numbered keeps that name, behind the stem: `<stem>_01_shoe.png`, and alone where the stem is `OBJECTS`.
    """
    outputs: dict[str, dict[str, None]] = {}
    for file in files:
        if not file.part:
            outputs.setdefault(file.suffix, {})[file.output] = None
    bases = [_base(stem, file, several=len(outputs.get(file.suffix, ())) > 1) for file in files]
    alike = Counter(f"{base}{file.suffix}".casefold() for base, file in zip(bases, files, strict=True))
    taken = {f"{stem}.json".casefold()}
    names = []
    for base, file in zip(bases, files, strict=True):
        name, number = f"{base}{file.suffix}", 1
        counted = alike[name.casefold()] > 1
        while counted or name.casefold() in taken:
            name, number = f"{base}_{number:02d}{file.suffix}", number + 1
            counted = False
        taken.add(name.casefold())
        names.append(name)
    return names


def _base(stem: str, file: ResultFile, *, several: bool) -> str:
    output, part = (safe_name(name, most_bytes=_OUTPUT_BYTES) if name else "" for name in (file.output, file.part))
    if _NUMBERED.match(file.part):
        return f"{part}{stem[len(OBJECTS) :]}" if re.fullmatch(rf"{OBJECTS}(_\d+)?", stem) else f"{stem}_{part}"
    added = [output] if several or file.suffix == ".json" else []
    return "_".join([stem, *added, *([part] if part else [])])
