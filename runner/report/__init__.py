"""One HTML page about a batch, for people: no server, no other file, readable on a phone."""
