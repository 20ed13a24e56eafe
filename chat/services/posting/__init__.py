"""Posting: a batch of messages, one transaction."""
