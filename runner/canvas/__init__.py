"""A workflow as ComfyUI's canvas shows it: drawn from the graph that runs, stage by stage, so the two cannot differ."""
