"""The photos of a turntable as one turn: the graph that makes it, and the moving picture and page beside it."""
