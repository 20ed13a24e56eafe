"""The rows of a chat. Services write them; reads are the QuerySets' verbs."""

from chat.models.activity import ActivityCount, ActivityShadow
from chat.models.attachments import Attachment
from chat.models.audit import AuditEntry
from chat.models.blocks import Block
from chat.models.chats import Chat, Membership
from chat.models.figures import MinuteFigures
from chat.models.invitations import Invitation
from chat.models.invites import Invite
from chat.models.messages import Message, MessageEdit, Reaction
from chat.models.notifications import Notification
from chat.models.people import User
from chat.models.processes import WebProcess
from chat.models.reports import Report
from chat.models.sign_ins import SignIn
from chat.models.webhooks import IncomingWebhook, Webhook, WebhookDelivery

__all__ = [
    "ActivityCount",
    "ActivityShadow",
    "Attachment",
    "AuditEntry",
    "Block",
    "Chat",
    "IncomingWebhook",
    "Invitation",
    "Invite",
    "Membership",
    "Message",
    "MessageEdit",
    "MinuteFigures",
    "Notification",
    "Reaction",
    "Report",
    "SignIn",
    "User",
    "WebProcess",
    "Webhook",
    "WebhookDelivery",
]
