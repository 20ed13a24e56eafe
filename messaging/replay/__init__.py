"""A handler's events once more, beside what it has made of them."""
