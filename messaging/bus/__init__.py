"""The bus: one interface, two adapters, and the code that they share."""
