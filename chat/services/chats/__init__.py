"""Chats and who is in them: every way in, and every way out."""
