"""HTTP as the runner speaks it: whom it trusts, which secret goes where, what is read of an answer."""
