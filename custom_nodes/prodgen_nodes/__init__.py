"""prodgen: nodes that turn one product photo into finished product pictures while the product stays the seller's."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from comfy_api.latest import ComfyExtension

WEB_DIRECTORY = "./web"


async def comfy_entrypoint() -> ComfyExtension:
    """ComfyUI's entry point; imported here so that `imaging` stays importable without ComfyUI."""
    from pathlib import Path

    import folder_paths

    from .nodes.example_photo import offer_example_photo
    from .nodes.extension import ProdgenExtension
    from .nodes.threads import spare_the_cores

    spare_the_cores()
    offer_example_photo(Path(folder_paths.get_input_directory()))
    return ProdgenExtension()
