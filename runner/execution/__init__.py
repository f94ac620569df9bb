"""Jobs: planned, submitted, followed, saved."""
