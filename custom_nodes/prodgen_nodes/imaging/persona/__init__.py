"""A person to hold the product: what can be measured of it, a rule book, and the form a prompt has."""
