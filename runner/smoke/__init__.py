"""Smoke models: structurally valid models with made-up weights, so that every workflow runs without the real ones.

They prove that nodes, wires and model loading work together; what they paint is noise, never a picture to judge.
`catalog` is plain data; every other module builds weights with torch and runs under ComfyUI's Python (`generate`).
"""
