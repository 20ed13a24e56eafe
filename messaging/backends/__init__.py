"""Django's database backends, whose errors say whether the server is away (messaging/away.py)."""
