"""Many jobs from a folder or a table, over hours and servers, with a ledger that survives whatever happens."""
