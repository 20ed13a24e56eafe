"""The routes below /api/, for browsers whose sockets are blocked and for whatever is no chat."""
