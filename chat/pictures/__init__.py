"""Uploaded pictures, each redrawn by a process of its own."""
