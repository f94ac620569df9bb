"""A workflow as a graph: read, understood, its inputs set."""
