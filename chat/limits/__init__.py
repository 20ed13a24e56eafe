"""How much one may make or ask for: the table, the counting behind it, the doors before it."""
