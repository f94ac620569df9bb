"""One model file goes by several names: a workflow's name for it becomes the one that the server lists."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from runner.errors import ManifestError
from runner.models.names import is_model_name


def same_model(file_name: str, options: Iterable[Any]) -> str | None:
    """The option that is the same model under another name it is known by; None where there is none.

    Where the manifest cannot be read there is none either: a workflow of one's own runs without it.
    """
    if not is_model_name(file_name):
        return None
    from runner.models.manifest import load_manifest  # takes long to import, and most graphs need it for nothing

    try:
        model = load_manifest().find_file(file_name)
    except ManifestError:
        return None
    names = [name.casefold() for name in model.all_names] if model is not None else []
    texts = [option for option in options if isinstance(option, str)]
    bases = {text.replace("\\", "/").rsplit("/", 1)[-1].casefold(): text for text in reversed(texts)}
    return next((bases[name] for name in names if name in bases), None)
