"""The table of limits: everything that a person can make or ask for has a row here.

Settings read each row's variable, doors and services name the row, docs/limits.md is made of it. It
counts nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.utils.translation import gettext_lazy as _

SECOND: Final = 1
MINUTE: Final = 60
FIVE_MINUTES: Final = 300
HOUR: Final = 3600

PERSON: Final = "person"
ADDRESS: Final = "address"


@dataclass(frozen=True, slots=True, eq=False)
class Limit:
    """One row. `said` is what a person is told; when to come back is added to it."""

    name: str
    variable: str
    default: int
    of: str
    per: str
    said: Any
    # 0: what is there at once, or is kept; else what comes within so many seconds.
    window_seconds: int = 0
    # Decided by this process at once, and joined with what the others counted once a second; the
    # others ask Redis each time. For what is asked on the event loop, or very often.
    is_joined: bool = False
    # So much of a window's amount at once; the rest comes steadily.
    burst: float = 1.0
    minimum: int = 0

    @property
    def amount(self) -> int:
        """As the settings have it now; 0: no limit."""
        return int(getattr(settings, self.variable))


# Connections and requests

FRAMES = Limit(
    "frames",
    "LIMIT_FRAMES_PER_SECOND",
    30,
    of="frames read; one that is refused counts as five",
    per="person and process",
    said="",
    window_seconds=SECOND,
)
TYPING = Limit(
    "typing",
    "LIMIT_TYPING_PER_MINUTE",
    30,
    of="“is typing” shown to the others; more are dropped silently",
    per="socket and chat",
    said=_("That was too much in a short time."),
    window_seconds=MINUTE,
)
SOCKETS_OPENED = Limit(
    "sockets_opened",
    "LIMIT_SOCKETS_OPENED_PER_MINUTE",
    30,
    of="sockets opened, 10 at once: each is sent the whole chat list",
    per="session and process",
    said="",
    window_seconds=MINUTE,
    burst=1 / 3,
)
SOCKETS_OF_PERSON = Limit(
    "sockets_of_person",
    "LIMIT_SOCKETS_PER_PERSON",
    20,
    of="sockets open at once",
    per=PERSON,
    said=_("The chat is open in too many places. Close some of them."),
)
SOCKETS_OF_ADDRESS = Limit(
    "sockets_of_address",
    "LIMIT_SOCKETS_PER_ADDRESS",
    2000,
    of="sockets open at once",
    per=ADDRESS,
    said=_("Too many pages are open from your network."),
)
REQUESTS_AT_ONCE = Limit(
    "requests_at_once",
    "LIMIT_REQUESTS_AT_ONCE",
    12,
    of="requests being answered at once",
    per="person and process",
    said=_("Too many requests at once."),
)
DOWNLOADS_AT_ONCE = Limit(
    "downloads_at_once",
    "LIMIT_DOWNLOADS_AT_ONCE",
    128,
    of="file requests being answered at once: a browser asks for all pictures on a page",
    per="person and process",
    said=_("Too many files at once."),
)

# Messages

MESSAGES = Limit(
    "messages",
    "LIMIT_MESSAGES_PER_MINUTE",
    120,
    of="messages sent",
    per=PERSON,
    said=_("You have sent too many messages in a short time."),
    window_seconds=MINUTE,
    is_joined=True,
)
EDITS = Limit(
    "edits",
    "LIMIT_EDITS_PER_MINUTE",
    60,
    of="message edits",
    per=PERSON,
    said=_("You have edited too many messages in a short time."),
    window_seconds=MINUTE,
)
DELETES = Limit(
    "deletes",
    "LIMIT_DELETES_PER_MINUTE",
    120,
    of="messages deleted",
    per=PERSON,
    said=_("You have deleted too many messages in a short time."),
    window_seconds=MINUTE,
)
REACTIONS = Limit(
    "reactions",
    "LIMIT_REACTIONS_PER_MINUTE",
    120,
    of="reactions added and removed",
    per=PERSON,
    said=_("You have reacted too many times in a short time."),
    window_seconds=MINUTE,
)
RECEIPTS = Limit(
    "receipts",
    "LIMIT_RECEIPTS_PER_MINUTE",
    240,
    of="receipts over HTTP (on a socket they are batched once a second)",
    per=PERSON,
    said=_("That was too much in a short time."),
    window_seconds=MINUTE,
    is_joined=True,
)
NOTIFICATIONS_SEEN = Limit(
    "notifications_seen",
    "LIMIT_NOTIFICATIONS_SEEN_PER_MINUTE",
    240,
    of="notifications marked as seen, however many at once",
    per=PERSON,
    said=_("That was too much in a short time."),
    window_seconds=MINUTE,
    is_joined=True,
)
WORDINGS_KEPT = Limit(
    "wordings_kept",
    "LIMIT_WORDINGS_PER_MESSAGE",
    100,
    of="earlier versions kept, the newest ones",
    per="message",
    said="",
)
REACTIONS_OF_MESSAGE = Limit(
    "reactions_of_message",
    "LIMIT_REACTIONS_PER_MESSAGE",
    20,
    of="different reactions",
    per="message",
    said=_("This message already has too many different reactions."),
)

# Reading

PAGES = Limit(
    "pages",
    "LIMIT_PAGES_PER_MINUTE",
    300,
    of="pages of history and changes, on a socket and over HTTP; 30 at once. On a socket, further"
    " ones first wait for a few seconds",
    per=PERSON,
    said=_("You have loaded too many pages in a short time."),
    window_seconds=MINUTE,
    is_joined=True,
    burst=1 / 10,
)
READS = Limit(
    "reads",
    "LIMIT_READS_PER_MINUTE",
    600,
    of="other reads: the page itself, lists of chats, notifications, links, webhooks",
    per=PERSON,
    said=_("You have made too many requests in a short time."),
    window_seconds=MINUTE,
    is_joined=True,
)
LOOK_UPS = Limit(
    "look_ups",
    "LIMIT_LOOK_UPS_PER_MINUTE",
    120,
    of="look-ups of people, public chats and members",
    per=PERSON,
    said=_("You have looked for people and chats too many times in a short time."),
    window_seconds=MINUTE,
)
SEARCHES = Limit(
    "searches",
    "LIMIT_SEARCHES_PER_MINUTE",
    60,
    of="message searches",
    per=PERSON,
    said=_("You have searched too many times in a short time."),
    window_seconds=MINUTE,
)
DOWNLOADS = Limit(
    "downloads",
    "LIMIT_DOWNLOADS_PER_MINUTE",
    1200,
    of="files and previews requested",
    per=PERSON,
    said=_("You have requested too many files in a short time."),
    window_seconds=MINUTE,
    is_joined=True,
)

# Chats

CHATS_MADE = Limit(
    "chats_made",
    "LIMIT_CHATS_PER_HOUR",
    30,
    of="groups and public chats created",
    per=PERSON,
    said=_("You have created too many chats in a short time."),
    window_seconds=HOUR,
)
DIRECT_CHATS = Limit(
    "direct_chats",
    "LIMIT_DIRECT_CHATS_PER_MINUTE",
    60,
    of="direct chats opened, new or not",
    per=PERSON,
    said=_("You have opened too many chats in a short time."),
    window_seconds=MINUTE,
)
STRANGERS = Limit(
    "strangers",
    "LIMIT_STRANGERS_PER_HOUR",
    20,
    of="direct chats started with people who share no chat with the person",
    per=PERSON,
    said=_("You have written to too many strangers in a short time."),
    window_seconds=HOUR,
)
MEMBERS_ADDED = Limit(
    "members_added",
    "LIMIT_MEMBERS_ADDED_PER_HOUR",
    300,
    of="members added to chats",
    per=PERSON,
    said=_("You have added too many members in a short time."),
    window_seconds=HOUR,
)
JOINS = Limit(
    "joins",
    "LIMIT_JOINS_PER_HOUR",
    120,
    of="chats joined and left",
    per=PERSON,
    said=_("You have joined and left too many chats in a short time."),
    window_seconds=HOUR,
)
CHANGES = Limit(
    "changes",
    "LIMIT_CHANGES_PER_MINUTE",
    120,
    of="other changes: titles, roles, members removed, notification settings, links and webhooks"
    " revoked or switched, sign-ins ended",
    per=PERSON,
    said=_("You have made too many changes in a short time."),
    window_seconds=MINUTE,
)
INVITES_MADE = Limit(
    "invites_made",
    "LIMIT_INVITES_PER_HOUR",
    60,
    of="invite links created",
    per=PERSON,
    said=_("You have created too many links in a short time."),
    window_seconds=HOUR,
)
WRONG_INVITES = Limit(
    "wrong_invites",
    "LIMIT_WRONG_INVITES_PER_5_MINUTES",
    60,
    of="invalid invite links tried",
    per="person; if nobody is signed in, known device; if there is none, address",
    said=_("Too many invalid links were tried here."),
    window_seconds=FIVE_MINUTES,
)
MEMBERS_OF_GROUP = Limit(
    "members_of_group",
    "LIMIT_MEMBERS_PER_GROUP",
    5000,
    of="members in a group",
    per="chat",
    said=_("This group is full."),
)
INVITES_OF_CHAT = Limit(
    "invites_of_chat",
    "LIMIT_INVITES_PER_CHAT",
    20,
    of="invite links that work",
    per="chat",
    said=_("This chat has too many links. Revoke one first."),
)

# Safety

REPORTS = Limit(
    "reports",
    "LIMIT_REPORTS_PER_HOUR",
    20,
    of="reports to staff",
    per=PERSON,
    said=_("You have sent many reports recently. Staff are looking at them."),
    window_seconds=HOUR,
)
BLOCKS = Limit(
    "blocks",
    "LIMIT_BLOCKS_PER_PERSON",
    1000,
    of="people blocked: each of the person's sockets knows them all",
    per=PERSON,
    said=_("You have reached the limit of blocked people. Unblock somebody first."),
)

# Files

UPLOADS = Limit(
    "uploads",
    "LIMIT_UPLOADS_PER_MINUTE",
    30,
    of="files uploaded",
    per=PERSON,
    said=_("You have uploaded too many files in a short time."),
    window_seconds=MINUTE,
)
UPLOAD_MEGABYTES = Limit(
    "upload_megabytes",
    "UPLOAD_MAX_MEGABYTES",
    10,
    of="MB per uploaded file",
    per="file",
    said="",
    minimum=1,
)
STORED_MEGABYTES = Limit(
    "stored_megabytes",
    "LIMIT_STORED_MEGABYTES",
    2000,
    of="MB of all files uploaded and not deleted",
    per=PERSON,
    said="",
)
UNSENT_UPLOADS = Limit(
    "unsent_uploads",
    "LIMIT_UNSENT_UPLOADS",
    30,
    of="files uploaded but not yet sent",
    per=PERSON,
    said=_("Too many files are waiting to be sent. Send or remove some of them first."),
)

# Webhooks

WEBHOOKS_MADE = Limit(
    "webhooks_made",
    "LIMIT_WEBHOOKS_PER_HOUR",
    30,
    of="webhooks created, outgoing and incoming",
    per=PERSON,
    said=_("You have created too many webhooks in a short time."),
    window_seconds=HOUR,
)
WEBHOOK_TESTS = Limit(
    "webhook_tests",
    "LIMIT_WEBHOOK_TESTS_PER_MINUTE",
    10,
    of="webhook tests: each takes as long as somebody else's server likes",
    per=PERSON,
    said=_("You have run too many tests in a short time."),
    window_seconds=MINUTE,
)
HOOKS = Limit(
    "hooks",
    "LIMIT_HOOKS_PER_MINUTE",
    60,
    of="messages from an incoming webhook",
    per="webhook",
    said=_("This webhook has sent too many messages in a short time."),
    window_seconds=MINUTE,
)
WRONG_TOKENS = Limit(
    "wrong_tokens",
    "LIMIT_WRONG_TOKENS_PER_5_MINUTES",
    60,
    of="wrong tokens of incoming webhooks; a correct one is always accepted",
    per=ADDRESS,
    said=_("Too many wrong webhook addresses."),
    window_seconds=FIVE_MINUTES,
)
WEBHOOKS_OF_CHAT = Limit(
    "webhooks_of_chat",
    "LIMIT_WEBHOOKS_PER_CHAT",
    20,
    of="outgoing webhooks, and as many incoming ones",
    per="chat",
    said=_("This chat has too many webhooks. Delete one first."),
)

# Accounts

SIGN_UPS = Limit(
    "sign_ups",
    "LIMIT_SIGN_UPS_PER_HOUR",
    60,
    of="accounts created",
    per=ADDRESS,
    said=_("Too many accounts were created from your network."),
    window_seconds=HOUR,
)
PROFILE_CHANGES = Limit(
    "profile_changes",
    "LIMIT_PROFILE_CHANGES_PER_HOUR",
    60,
    of="changes to profile and language",
    per=PERSON,
    said=_("You have changed your profile too many times in a short time."),
    window_seconds=HOUR,
)
PASSWORD_CHANGES = Limit(
    "password_changes",
    "LIMIT_PASSWORD_CHANGES_PER_HOUR",
    30,
    of="attempts to change the password",
    per=PERSON,
    said=_("You have changed your password too many times in a short time."),
    window_seconds=HOUR,
)
EXPORTS = Limit(
    "exports",
    "LIMIT_EXPORTS_PER_MINUTE",
    1,
    of="downloads of everything a person wrote",
    per=PERSON,
    said=_("Your last download has only just started."),
    window_seconds=MINUTE,
)

# Passwords (chat/http/sign_in_throttle.py has the rule)

_WRONG = _("Too many wrong passwords.")
PASSWORDS_OF_ACCOUNT_HERE = Limit(
    "passwords_of_account_here",
    "LIMIT_PASSWORDS_PER_ACCOUNT_AND_ADDRESS",
    6,
    of="wrong passwords on unknown devices",
    per="account and address",
    said=_WRONG,
    window_seconds=FIVE_MINUTES,
)
PASSWORDS_OF_ACCOUNT = Limit(
    "passwords_of_account",
    "LIMIT_PASSWORDS_PER_ACCOUNT",
    60,
    of="wrong passwords from all addresses; above it each address has fewer tries, never none",
    per="account",
    said=_WRONG,
    window_seconds=FIVE_MINUTES,
)
PASSWORDS_UNDER_ATTACK = Limit(
    "passwords_under_attack",
    "LIMIT_PASSWORDS_UNDER_ATTACK",
    2,
    of="wrong passwords while an account is tried from many addresses",
    per="account and address",
    said=_WRONG,
    window_seconds=FIVE_MINUTES,
)
PASSWORDS_OF_ADDRESS = Limit(
    "passwords_of_address",
    "LIMIT_PASSWORDS_PER_ADDRESS",
    40,
    of="wrong passwords for accounts that exist, on unknown devices",
    per=ADDRESS,
    said=_WRONG,
    window_seconds=FIVE_MINUTES,
)
PASSWORDS_OF_ANY_NAME = Limit(
    "passwords_of_any_name",
    "LIMIT_PASSWORDS_PER_ADDRESS_OF_ANY_NAME",
    300,
    of="wrong passwords for any name, on unknown devices: each costs a hash",
    per=ADDRESS,
    said=_WRONG,
    window_seconds=FIVE_MINUTES,
)
PASSWORDS_OF_DEVICE = Limit(
    "passwords_of_device",
    "LIMIT_PASSWORDS_PER_KNOWN_DEVICE",
    6,
    of="wrong passwords on a device where the account has signed in before; further ones count as"
    " on any other device",
    per="account and known device",
    said=_WRONG,
    window_seconds=FIVE_MINUTES,
)
PASSWORDS_OF_SESSION = Limit(
    "passwords_of_session",
    "LIMIT_PASSWORDS_PER_SESSION",
    6,
    of="wrong passwords for the person's own account while signed in",
    per="session",
    said=_WRONG,
    window_seconds=FIVE_MINUTES,
)

# By type(): isinstance() would ask the settings, which are not there yet, for their class.
TABLE: Final[tuple[Limit, ...]] = tuple(row for row in [*globals().values()] if type(row) is Limit)
