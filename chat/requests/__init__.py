"""What a browser can ask for on a socket, one function each."""
