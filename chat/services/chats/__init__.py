"""Chats and who is in them: every road in, and every road out."""
