"""A product in the colours of its range: how colours are typed, and what became of each photo in each of them."""
