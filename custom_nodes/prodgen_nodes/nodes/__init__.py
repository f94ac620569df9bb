"""The V3 nodes: each is a schema and the few lines that adapt ComfyUI's tensors to `imaging`, `shops` and `persona`."""
