"""The headless runner: patches a workflow, submits it to a ComfyUI server, watches it and saves what it made."""

__version__ = "0.1.0"
