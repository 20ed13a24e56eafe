"""From the bus to the effects: the handlers of a group, each event once."""
