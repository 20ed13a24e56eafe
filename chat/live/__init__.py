"""The socket door: from the handshake to the frame, and from the hub back to the socket."""
