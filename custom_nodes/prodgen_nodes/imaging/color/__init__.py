"""Giving the product its own colour back: relighting of the original, and three statistics transfers in CIELAB."""
