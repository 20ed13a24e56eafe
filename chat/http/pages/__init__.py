"""Pages as the server renders them. They hold no rules: services write, forms check."""
