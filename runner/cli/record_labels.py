"""`python -m runner.cli.record_labels`: bring the pack's `locales/` in line with what its nodes say of themselves.

`locales/english.json` holds the English that was translated (no language of its own: ComfyUI takes the nodes' own).
What a node says anew is written there and taken out of every language, so that the tests name what is left to
translate; what no node has any more goes everywhere.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner import console
from runner.errors import EXIT_OK, RunnerError
from runner.local_server.choice import resolve_server
from runner.server.client import ComfyClient
from runner.workflow.load import WORKFLOWS_DIR

LOCALES_DIR = WORKFLOWS_DIR.parent / "custom_nodes" / "prodgen_nodes" / "locales"
SOURCE = "english.json"
FILE = "nodeDefs.json"
Labels = dict[str, Any]
"""What ComfyUI's front end reads: node → display_name, description, inputs and outputs with name and tooltip each."""


def labels_of(object_info: Mapping[str, Any], prefix: str = "Prodgen") -> Labels:
    """Every text that the nodes whose ids begin with `prefix` show, in English."""
    return {
        name: {
            "display_name": info["display_name"],
            "description": info["description"],
            "inputs": {
                key: _slot(key, spec[1].get("tooltip"))
                for section in ("required", "optional")
                for key, spec in info["input"].get(section, {}).items()
            },
            "outputs": {
                str(number): _slot(key, tooltip)
                for number, (key, tooltip) in enumerate(zip(info["output_name"], _tooltips(info), strict=True))
            },
        }
        for name, info in object_info.items()
        if name.startswith(prefix)
    }


def _tooltips(info: Mapping[str, Any]) -> list[str | None]:
    return list(info.get("output_tooltips") or [None] * len(info["output_name"]))


def _slot(name: str, tooltip: str | None) -> dict[str, str]:
    return {"name": name, **({"tooltip": tooltip} if tooltip else {})}


def flat(labels: Mapping[str, Any], path: str = "") -> dict[str, str]:
    """The same as one table: `ProdgenNumber.inputs.value.tooltip` → text."""
    table: dict[str, str] = {}
    for key, value in labels.items():
        if isinstance(value, Mapping):
            table |= flat(value, f"{path}{key}.")
        else:
            table[path + key] = value
    return table


def in_line(translated: Mapping[str, Any], old: Mapping[str, Any], new: Mapping[str, Any]) -> Labels:
    """What of `translated` still says what `new` says in English, in its order; `old` is what it was made of."""
    words, before = flat(translated), flat(old)
    kept: Labels = {}
    for path, text in flat(new).items():
        if path in words and before.get(path) == text:
            *folders, leaf = path.split(".")
            place = kept
            for folder in folders:
                place = place.setdefault(folder, {})
            place[leaf] = words[path]
    return kept


def load(file: Path) -> Labels:
    """The texts of one file; none where it is not there yet."""
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m runner.cli.record_labels", description=__doc__)
    parser.add_argument("--server", metavar="URL", action="append", default=[])
    args = parser.parse_args()
    try:
        new = labels_of(ComfyClient(resolve_server(args.server)).object_info())
    except RunnerError as error:
        console.tell(f"error: {error}")
        return error.exit_code
    old = load(LOCALES_DIR / SOURCE)
    for file in (*sorted(LOCALES_DIR.glob(f"*/{FILE}")), LOCALES_DIR / SOURCE):
        labels = new if file.name == SOURCE else in_line(load(file), old, new)
        file.write_text(json.dumps(labels, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        missing = len(flat(new)) - len(flat(labels))
        console.result(f"{file}: {missing or 'nothing'} left to translate")
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
