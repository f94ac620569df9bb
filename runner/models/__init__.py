"""Model files: the manifest, what is there, and how to get the rest."""
