"""Accounts: made, changed, blocked, reported, banned, deleted; where they are signed in."""
