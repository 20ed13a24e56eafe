"""The bus: one interface, two adapters, and what both of them do alike."""
