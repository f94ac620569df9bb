"""The sections of `set` that are for one workflow: which one each names, and what is said of a name that is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.errors import UsageError, WorkflowError
from runner.invocation import spell
from runner.workflow.file import PICTURES

if TYPE_CHECKING:
    from runner.workflow.load import Workflow

Sections = Mapping[str, Mapping[str, Any]]
"""Name of a workflow, as it was written → its inputs."""


def is_for(section: str, workflow: Workflow) -> bool:
    """Whether a section is for this workflow: it has its name, or that of this version of it."""
    return section.casefold().removesuffix(".json") in (workflow.label.casefold(), workflow.name.casefold())


def own_inputs(sections: Sections, workflow: Workflow) -> Iterator[tuple[str, Any]]:
    """(input, value) of those for this workflow, that for this version first."""
    mine = [name for name in sections if is_for(name, workflow)]
    for name in sorted(mine, key=len, reverse=True):
        yield from sections[name].items()


def unknown_sections(path: Path, sections: Sections, workflow: Workflow | None = None) -> list[str]:
    """Those that name neither a published workflow nor the one at hand. They may be for a file of somebody's own.

    `path`: the file that they stand in. Raises UsageError for a published one's version that there is not, and for a
    name that is nearly that of one.
    """
    from runner.suggest import did_you_mean
    from runner.workflow.load import available_workflows, bundled, name_and_version

    unknown = []
    for name in sections:
        if workflow is not None and is_for(name, workflow):
            continue
        try:
            if bundled(name) is not None:
                continue
        except WorkflowError as error:
            raise UsageError(f"{path}: set.{name}: {error.message}") from None
        if like := did_you_mean(name_and_version(name)[0], available_workflows()):
            raise UsageError(f"{path}: set: there is no workflow {name!r}.{like}", advice=_listed())
        unknown.append(name)
    return unknown


def refuse_unknown(path: Path, unknown: list[str], workflow: Workflow) -> None:
    """Raises UsageError for a name that no file has: of the current folder, that of `path` and that of the workflow."""
    for name in unknown:
        plain = Path(name).name.removesuffix(".json")
        folders = dict.fromkeys((Path(), path.parent, workflow.path.parent))
        if not any(_is_file_of(entry.name, plain) for folder in folders for entry in folder.glob("*")):
            raise UsageError(
                f"{path}: set: there is no workflow {name!r}.",
                advice=f"{_listed()} One of your own is known where its file lies beside this one or where you are.",
            )


def _is_file_of(file: str, workflow: str) -> bool:
    from runner.workflow.load import name_and_version

    stem, ending = Path(file).stem, Path(file).suffix.lower()
    return ending in (".json", *PICTURES) and workflow.casefold() in (
        stem.casefold(),
        name_and_version(stem.casefold())[0],
    )


def _listed() -> str:
    return f"`{spell('workflows')}` lists them."
