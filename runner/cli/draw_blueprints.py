"""`python -m runner.cli.draw_blueprints`: draw the pack's `subgraphs/` for the nodes as a server describes them.

Run it after the inputs of a node in `runner/canvas/blueprints.py` have changed; a test compares the files.
"""

from __future__ import annotations

import argparse
import json
import sys

from runner import console
from runner.canvas.blueprints import BLUEPRINTS, drawn
from runner.errors import EXIT_OK, RunnerError
from runner.local_server.choice import resolve_server
from runner.server.client import ComfyClient
from runner.workflow.load import WORKFLOWS_DIR

SUBGRAPHS_DIR = WORKFLOWS_DIR.parent / "custom_nodes" / "prodgen_nodes" / "subgraphs"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m runner.cli.draw_blueprints", description=__doc__)
    parser.add_argument("--server", metavar="URL", action="append", default=[])
    args = parser.parse_args()
    try:
        object_info = ComfyClient(resolve_server(args.server)).object_info()
    except RunnerError as error:
        console.tell(f"error: {error}")
        return error.exit_code
    for blueprint in BLUEPRINTS:
        file = SUBGRAPHS_DIR / f"{blueprint.name}.json"
        file.write_text(json.dumps(drawn(blueprint, object_info), indent=1) + "\n", encoding="utf-8")
        console.result(str(file))
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
