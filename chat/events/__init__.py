"""Both roads out of a commit: events for the bus, and commands for hubs."""
