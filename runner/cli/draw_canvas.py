"""`python -m runner.cli.draw_canvas`: draw every bundled workflow for ComfyUI's canvas and its template browser.

Writes `workflows/canvas/NAME.vN.json` for every version, and the newest of each into the pack's `example_workflows`.
Run it after a workflow was added or a stage's words were changed; a test draws them again and compares.
A thumbnail is drawn as well, unless the index says that it shows a real result.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from runner import console
from runner.canvas.draw import as_form, draw
from runner.canvas.published import DRAWN_DIR, index
from runner.canvas.thumbnail import thumbnail
from runner.errors import EXIT_OK, RunnerError
from runner.models.manifest import load_manifest
from runner.workflow.load import WORKFLOWS_DIR, available_workflows, load_workflow
from runner.workflow.schema import recorded_object_info

TEMPLATES_DIR = WORKFLOWS_DIR.parent / "custom_nodes" / "prodgen_nodes" / "example_workflows"
_PHOTO = WORKFLOWS_DIR.parent / "examples" / "handbag.jpg"


def drawings() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every published version, by its name, drawn."""
    schema, find_model, words = recorded_object_info(WORKFLOWS_DIR), load_manifest().find_file, index()
    for name, versions in available_workflows().items():
        for version in versions:
            label = f"{name}.v{version}"
            yield label, draw(load_workflow(label), schema, find_model, words)


def templates(name: str, drawn: Mapping[str, Any], words: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The templates made of a workflow, by the names the browser shows: it knows nothing of one but its file's name."""
    shown = words["templates"][name]
    made = {f"{name} - {shown['title']}": dict(drawn)}
    if "form" in shown:
        made[f"{name} as a form - {shown['title']}.app"] = as_form(drawn)
    return made


def text_of(drawn: Mapping[str, Any]) -> str:
    """The file: one node, link or group a line, so that a change can be read."""
    rows = []
    for key, value in drawn.items():
        if key in ("nodes", "links", "groups") and value:
            lines = ",\n".join(f"  {json.dumps(entry, ensure_ascii=False)}" for entry in value)
            rows.append(f' "{key}": [\n{lines}\n ]')
        else:
            rows.append(f' "{key}": {json.dumps(value, ensure_ascii=False)}')
    return "{\n" + ",\n".join(rows) + "\n}\n"


def main() -> int:
    argparse.ArgumentParser(prog="python -m runner.cli.draw_canvas", description=__doc__).parse_args()
    try:
        words, existing = index(), available_workflows()
        DRAWN_DIR.mkdir(exist_ok=True)
        for label, drawn in drawings():
            name, _, version = label.rpartition(".v")
            (DRAWN_DIR / f"{label}.json").write_text(text_of(drawn), encoding="utf-8")
            if int(version) == existing[name][-1]:
                for title, template in templates(name, drawn, words).items():
                    (TEMPLATES_DIR / f"{title}.json").write_text(text_of(template), encoding="utf-8")
                    if not words["templates"][name].get("pictured"):
                        _write_thumbnail(TEMPLATES_DIR / f"{title}.jpg", template)
    except RunnerError as error:
        console.tell(f"error: {error}")
        return error.exit_code
    console.result(str(DRAWN_DIR))
    console.result(str(TEMPLATES_DIR))
    return EXIT_OK


def _write_thumbnail(path: Path, drawn: Mapping[str, Any]) -> None:
    has_photo = any(node["type"] == "LoadImage" for node in drawn["nodes"])
    with Image.open(_PHOTO) as photo:
        thumbnail(drawn, photo if has_photo else None).save(path, quality=82)


if __name__ == "__main__":
    sys.exit(main())
