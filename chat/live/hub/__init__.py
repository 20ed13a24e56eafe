"""The way out to the sockets of a process: hub, rooms, sockets, its channel on the layer."""
