"""A seller's photo made ready for a server: decoded, turned, its colours converted."""
