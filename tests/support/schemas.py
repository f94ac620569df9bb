"""What nodes of other packs say of themselves, recorded: nodes that workflows use and the tests cannot install."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.comfy import REPO
from tests.support.reference import FOLDER

ANOTHER_PACK = "custom_nodes.comfyui_controlnet_aux"


def _of_another_pack() -> dict[str, Any]:
    known = json.loads((REPO / "workflows" / "object_info.json").read_text(encoding="utf-8"))
    return {name: info for name, info in known.items() if info["python_module"] == ANOTHER_PACK}


third_party = pytest.mark.parametrize(
    "recorded",
    [
        pytest.param(_of_another_pack(), id="workflows/object_info.json"),
        *(
            pytest.param(json.loads(path.read_text(encoding="utf-8")), id=path.name)
            for path in FOLDER.glob("object_info/*.json")
        ),
    ],
)
"""`recorded`: class → its `/object_info`, as the project keeps it, and whole where the reference data is."""
