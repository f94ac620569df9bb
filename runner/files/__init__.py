"""Files on this disk: named, locked, verified."""
