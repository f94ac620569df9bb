"""A batch on a Ray cluster: one actor per GPU, each with a ComfyUI of its own; the ledger stays with the runner."""
