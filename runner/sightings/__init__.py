"""Which pictures of a folder hold the product: a table, the pictures sorted, what was passed on untouched."""
