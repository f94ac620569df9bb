"""A small Blender photo studio: products built from code, lit and photographed with exact coverage masks."""
