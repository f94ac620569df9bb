"""A user's own file as the value of an upload widget: which values are one, how it is made ready, and what is nowhere.

The widget's schema says what it takes (`image_upload`, `audio_upload`, …). A picture is prepared like a photo; where
the node makes nothing but a mask of it, its values stay as they are; where the graph takes no transparency, it is laid
on white. Sound, film and anything else go byte for byte.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.errors import PhotoError, WorkflowError
from runner.invocation import spell
from runner.photos.prepare import PreparedPhoto, prepare_photo, read_raw
from runner.server.view import ServerView
from runner.suggest import did_you_mean
from runner.workflow.graph import Graph, InputSpec, Workflow, is_link, schema_of
from runner.workflow.patch import resolve_name
from runner.workflow.schema import ObjectInfo, output_types

_STANDS_FOR_YOURS = "FILE"
"""As advice writes it."""
_DROP_ALPHA = ("LoadImage", "LoadImageOutput")
"""Core's loaders, whose picture is RGB: what is transparent is in their second output alone."""
HINT = "hint"
"""The input that takes a mask somebody painted."""


@dataclass(frozen=True)
class Attachment:
    """A file of the user's own for one upload widget. `is_picture`: it is prepared; otherwise it goes as it is.
    `opaque`: nothing in the graph takes its transparency."""

    path: Path
    is_picture: bool
    is_mask: bool
    opaque: bool = False

    def prepare(self, max_bytes: int | None = None) -> PreparedPhoto:
        """Raises PhotoError, with what to do, where it cannot be used."""
        if not self.is_picture:
            return read_raw(self.path)
        return prepare_photo(self.path, max_bytes=max_bytes, is_mask=self.is_mask, opaque=self.opaque)


def input_of(workflow: Workflow, name: str, object_info: ObjectInfo | None) -> InputSpec | None:
    """What the name sets, described; None where there is no such thing (that is said where it is set)."""
    with contextlib.suppress(WorkflowError):
        target = resolve_name(workflow, name, object_info)[0]
        return workflow.widget(target.node_id, target.widget, object_info)
    return None


def attachment(workflow: Workflow, name: str, path: Path, object_info: ObjectInfo | None) -> Attachment | None:
    """How `path` goes to the input `name`; None where that is no upload widget."""
    spec = input_of(workflow, name, object_info)
    if spec is None or not spec.is_file:
        return None
    node = workflow.graph[spec.node_id]
    types = output_types((object_info or {}).get(str(node["class_type"])) or {})
    makes_mask = "MASK" in types and "IMAGE" not in types
    is_mask = spec.is_image and (makes_mask or node["class_type"] == "LoadImageMask")
    loaders = {target.node_id for target in resolve_name(workflow, name, object_info)}
    return Attachment(path, spec.is_image, is_mask, spec.is_image and _drop_alpha(workflow, loaders))


def _drop_alpha(workflow: Workflow, loaders: Set[str]) -> bool:
    """Whether only the colours of a picture go on, also those under what is transparent: its mask leads nowhere."""
    if any(workflow.graph[loader]["class_type"] not in _DROP_ALPHA for loader in loaders):
        return False
    links = (value for node in workflow.graph.values() for value in node["inputs"].values() if is_link(value))
    return not any(source in loaders and slot == 1 for source, slot in links)


def attachments(workflow: Workflow, values: Mapping[str, Any], object_info: ObjectInfo | None) -> dict[str, Attachment]:
    """The values that are files of this computer, for widgets that take one. Seen from the folder one is in."""
    by_name = {}
    for name, value in values.items():
        path = own_file(value)
        attached = attachment(workflow, name, path, object_info) if path is not None else None
        if attached is not None:
            by_name[name] = attached
    return by_name


def own_file(value: Any, folder: Path = Path()) -> Path | None:
    """The file of this computer that a value names, seen from `folder`; a table from Windows may say `a\\b.png`."""
    if not isinstance(value, str) or not value.strip():
        return None
    for name in dict.fromkeys((value.strip(), value.strip().replace("\\", "/"))):
        try:
            path = folder / Path(name).expanduser()
            if path.is_file():
                return path
        except (OSError, ValueError, RuntimeError):  # a prompt is no file name
            return None
    return None


def check_files(workflow: Workflow, names: Mapping[str, Any], graph: Graph, view: ServerView) -> None:
    """Raises PhotoError where a value that the user gave an upload widget is a file neither here nor on the server.

    Args:
        names: the inputs that were set and that no file of the user's own goes to.
        graph: with these values in it.
    """
    for name in names:
        for target in resolve_name(workflow, name, view.object_info):
            schema = schema_of(graph, target.node_id, target.widget, view.object_info)
            value = graph[target.node_id]["inputs"].get(target.widget)
            if schema is None or not schema.is_upload or not isinstance(value, str):
                continue
            if value in (schema.options or ("",)) or (view.has_file is not None and view.has_file(value)):
                continue
            if value == _STANDS_FOR_YOURS:
                raise PhotoError(f"{name}: FILE stands for the path of a file of yours.", advice=_how_to_paint(name))
            raise PhotoError(
                f"{name}: there is no file {value!r}, neither on this computer nor in the server's input folder."
                f"{_look_alike(value, schema.options)}",
                advice=_instead(schema.options),
            )


def _how_to_paint(name: str) -> str:
    if name.casefold() != HINT:
        return ""
    return (
        f"A rough mask is a picture that is white where the product is and black elsewhere: `{spell('studio')}` has a "
        "brush for it, and any editor can paint one over the photo."
    )


def _look_alike(value: str, options: tuple[Any, ...] | None) -> str:
    path = Path(value)
    names = [str(option) for option in options or ()]
    with contextlib.suppress(OSError, ValueError):
        if path.is_dir():
            return " (It is a folder.)"
        names = [*(entry.name for entry in path.parent.iterdir()), *names]
    return did_you_mean(path.name, names)


def _instead(options: tuple[Any, ...] | None) -> str:
    words = [repr(option) for option in options or () if isinstance(option, str) and "." not in option]
    return "Name a file of yours (its path)" + (f", or choose {' or '.join(words)}." if words else ".")
