"""Outgoing webhooks: from events to signed requests at other people's addresses.

`handlers` writes what is to be sent (group webchat-webhooks), `sender` sends it, one after the
other per webhook and chat. Rows are made and switched by chat.services.webhooks.
"""
