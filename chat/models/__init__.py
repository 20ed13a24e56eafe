"""The rows of a chat. Services are the only writers; reads are the QuerySets' verbs."""

from chat.models.chats import Chat, Membership
from chat.models.messages import Message, MessageEdit, Reaction
from chat.models.people import User

__all__ = ["Chat", "Membership", "Message", "MessageEdit", "Reaction", "User"]
