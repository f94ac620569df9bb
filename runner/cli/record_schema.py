"""`python -m runner.cli.record_schema`: record the schema of the nodes that the bundled workflows use.

`workflows/object_info.json` lets `inputs` and the check of values work without a server. Run this after a workflow or
a node's inputs have changed; a test compares it with a real server.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner import console
from runner.cli.parser import local_path
from runner.errors import EXIT_OK, RunnerError
from runner.local_server.choice import resolve_server
from runner.server.client import ComfyClient
from runner.workflow.load import WORKFLOWS_DIR, available_workflows, load_workflow
from runner.workflow.schema import RECORDED_SCHEMA, load_object_info, trim_object_info


def used_classes(folder: Path = WORKFLOWS_DIR) -> set[str]:
    """Every node class in any version of any bundled workflow."""
    names = [f"{name}.v{version}" for name, versions in available_workflows(folder).items() for version in versions]
    return {node["class_type"] for name in names for node in load_workflow(name, folder).graph.values()}


def recorded_text(object_info: Mapping[str, Any], folder: Path = WORKFLOWS_DIR) -> str:
    """What belongs in the file, given a server's whole `/object_info`."""
    trimmed = trim_object_info(object_info, used_classes(folder))
    return json.dumps(trimmed, indent=1, ensure_ascii=False) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m runner.cli.record_schema", description=__doc__)
    parser.add_argument("--server", metavar="URL", action="append", default=[])
    parser.add_argument(
        "--with",
        dest="others",
        metavar="FILE",
        type=local_path,
        action="append",
        default=[],
        help="a recorded /object_info of nodes that the server does not have (an optional pack's)",
    )
    args = parser.parse_args()
    try:
        others = {name: info for file in args.others for name, info in load_object_info(file).items()}
        text = recorded_text({**others, **ComfyClient(resolve_server(args.server)).object_info()})
    except RunnerError as error:
        console.tell(f"error: {error}")
        return error.exit_code
    target = WORKFLOWS_DIR / RECORDED_SCHEMA
    target.write_text(text, encoding="utf-8")
    console.result(str(target))
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
