"""The ground of the staff's pages: their site, their groups, the state of everything."""
