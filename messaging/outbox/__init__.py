"""From the commit to the bus: rows are recorded, read in order, and sent."""
