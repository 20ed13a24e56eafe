"""Threads that talk to the database, and rows that are given to it by hand."""
