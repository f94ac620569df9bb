"""A person to hold the product: a rule book that goes by what `imaging.product` measured, and the form a prompt has.

Words and choices; the same seed always chooses the same person.
"""
