"""A picture painted over, in one pass or in a chain of passes, with its colours held."""
