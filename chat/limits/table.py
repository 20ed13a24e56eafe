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
    of="“is typing” shown to the others; more is dropped without a word",
    per="socket and chat",
    said=_("That was too much at once."),
    window_seconds=MINUTE,
)
SOCKETS_OPENED = Limit(
    "sockets_opened",
    "LIMIT_SOCKETS_OPENED_PER_MINUTE",
    30,
    of="sockets opened, 10 at once: each is greeted with all of one's chats",
    per="session and process",
    said="",
    window_seconds=MINUTE,
    burst=1 / 3,
)
SOCKETS_OF_PERSON = Limit(
    "sockets_of_person",
    "LIMIT_SOCKETS_PER_PERSON",
    20,
    of="sockets open at once; one more is closed with 4429",
    per=PERSON,
    said=_("The chat is open in too many places. Close some of its pages."),
)
SOCKETS_OF_ADDRESS = Limit(
    "sockets_of_address",
    "LIMIT_SOCKETS_PER_ADDRESS",
    2000,
    of="sockets open at once; one more is closed with 4429",
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
    of="requests for files being answered at once: a browser asks for all pictures of a page",
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
    said=_("You have sent many messages in a short time."),
    window_seconds=MINUTE,
    is_joined=True,
)
EDITS = Limit(
    "edits",
    "LIMIT_EDITS_PER_MINUTE",
    60,
    of="edits of messages",
    per=PERSON,
    said=_("You have edited many messages in a short time."),
    window_seconds=MINUTE,
)
DELETES = Limit(
    "deletes",
    "LIMIT_DELETES_PER_MINUTE",
    120,
    of="messages deleted",
    per=PERSON,
    said=_("You have deleted many messages in a short time."),
    window_seconds=MINUTE,
)
REACTIONS = Limit(
    "reactions",
    "LIMIT_REACTIONS_PER_MINUTE",
    120,
    of="reactions put and taken away",
    per=PERSON,
    said=_("You have reacted many times in a short time."),
    window_seconds=MINUTE,
)
RECEIPTS = Limit(
    "receipts",
    "LIMIT_RECEIPTS_PER_MINUTE",
    240,
    of="receipts over HTTP (on a socket they are joined once a second)",
    per=PERSON,
    said=_("That was too much at once."),
    window_seconds=MINUTE,
    is_joined=True,
)
NOTIFICATIONS_SEEN = Limit(
    "notifications_seen",
    "LIMIT_NOTIFICATIONS_SEEN_PER_MINUTE",
    240,
    of="notifications marked as seen, however many at once",
    per=PERSON,
    said=_("That was too much at once."),
    window_seconds=MINUTE,
    is_joined=True,
)
WORDINGS_KEPT = Limit(
    "wordings_kept",
    "LIMIT_WORDINGS_PER_MESSAGE",
    100,
    of="earlier wordings kept, the newest; older ones go",
    per="message",
    said="",
)
REACTIONS_OF_MESSAGE = Limit(
    "reactions_of_message",
    "LIMIT_REACTIONS_PER_MESSAGE",
    20,
    of="different reactions",
    per="message",
    said=_("This message has as many different reactions as it can hold."),
)

# Reading

PAGES = Limit(
    "pages",
    "LIMIT_PAGES_PER_MINUTE",
    300,
    of="pages of history and of changes, on a socket and over HTTP; 30 at once. Those of a socket"
    " wait for some seconds first",
    per=PERSON,
    said=_("You have read very much in a short time."),
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
    said=_("You have asked very much in a short time."),
    window_seconds=MINUTE,
    is_joined=True,
)
LOOK_UPS = Limit(
    "look_ups",
    "LIMIT_LOOK_UPS_PER_MINUTE",
    120,
    of="look-ups of people, of public chats and of members",
    per=PERSON,
    said=_("You have looked for people and chats many times in a short time."),
    window_seconds=MINUTE,
)
SEARCHES = Limit(
    "searches",
    "LIMIT_SEARCHES_PER_MINUTE",
    60,
    of="searches of messages",
    per=PERSON,
    said=_("You have searched many times in a short time."),
    window_seconds=MINUTE,
)
DOWNLOADS = Limit(
    "downloads",
    "LIMIT_DOWNLOADS_PER_MINUTE",
    1200,
    of="files and previews asked for",
    per=PERSON,
    said=_("You have asked for many files in a short time."),
    window_seconds=MINUTE,
    is_joined=True,
)

# Chats

CHATS_MADE = Limit(
    "chats_made",
    "LIMIT_CHATS_PER_HOUR",
    30,
    of="groups and public chats made",
    per=PERSON,
    said=_("You have made many chats in a short time."),
    window_seconds=HOUR,
)
DIRECT_CHATS = Limit(
    "direct_chats",
    "LIMIT_DIRECT_CHATS_PER_MINUTE",
    60,
    of="direct chats opened, new or not",
    per=PERSON,
    said=_("You have opened many chats in a short time."),
    window_seconds=MINUTE,
)
STRANGERS = Limit(
    "strangers",
    "LIMIT_STRANGERS_PER_HOUR",
    20,
    of="direct chats begun with people with whom one shares no chat",
    per=PERSON,
    said=_("You have written to many strangers in a short time."),
    window_seconds=HOUR,
)
MEMBERS_ADDED = Limit(
    "members_added",
    "LIMIT_MEMBERS_ADDED_PER_HOUR",
    300,
    of="members added to chats",
    per=PERSON,
    said=_("You have added many members in a short time."),
    window_seconds=HOUR,
)
JOINS = Limit(
    "joins",
    "LIMIT_JOINS_PER_HOUR",
    120,
    of="chats joined and left",
    per=PERSON,
    said=_("You have joined and left many chats in a short time."),
    window_seconds=HOUR,
)
CHANGES = Limit(
    "changes",
    "LIMIT_CHANGES_PER_MINUTE",
    120,
    of="other changes: titles, roles, members removed, what one is told of, links and webhooks"
    " taken back or switched, sign-ins ended",
    per=PERSON,
    said=_("You have changed much in a short time."),
    window_seconds=MINUTE,
)
INVITES_MADE = Limit(
    "invites_made",
    "LIMIT_INVITES_PER_HOUR",
    60,
    of="invite links made",
    per=PERSON,
    said=_("You have made many links in a short time."),
    window_seconds=HOUR,
)
WRONG_INVITES = Limit(
    "wrong_invites",
    "LIMIT_WRONG_INVITES_PER_5_MINUTES",
    60,
    of="invite links tried that do not work",
    per="person; where nobody is signed in, known device; where it is none, address",
    said=_("Too many links that do not work were tried here."),
    window_seconds=FIVE_MINUTES,
)
MEMBERS_OF_GROUP = Limit(
    "members_of_group",
    "LIMIT_MEMBERS_PER_GROUP",
    5000,
    of="members of a group",
    per="chat",
    said=_("This group is full."),
)
INVITES_OF_CHAT = Limit(
    "invites_of_chat",
    "LIMIT_INVITES_PER_CHAT",
    20,
    of="invite links that work",
    per="chat",
    said=_("This chat has too many links. Take one back first."),
)

# Safety

REPORTS = Limit(
    "reports",
    "LIMIT_REPORTS_PER_HOUR",
    20,
    of="reports to staff",
    per=PERSON,
    said=_("You have reported a lot lately. Staff looks at it."),
    window_seconds=HOUR,
)
BLOCKS = Limit(
    "blocks",
    "LIMIT_BLOCKS_PER_PERSON",
    1000,
    of="people blocked: each of one's sockets knows them all",
    per=PERSON,
    said=_("You have blocked as many people as one can. Unblock somebody first."),
)

# Files

UPLOADS = Limit(
    "uploads",
    "LIMIT_UPLOADS_PER_MINUTE",
    30,
    of="files uploaded",
    per=PERSON,
    said=_("You have uploaded many files in a short time."),
    window_seconds=MINUTE,
)
UPLOAD_MEGABYTES = Limit(
    "upload_megabytes",
    "UPLOAD_MAX_MEGABYTES",
    10,
    of="MB of one uploaded file",
    per="file",
    said="",
    minimum=1,
)
STORED_MEGABYTES = Limit(
    "stored_megabytes",
    "LIMIT_STORED_MEGABYTES",
    2000,
    of="MB of all files that one has uploaded and not deleted",
    per=PERSON,
    said="",
)
UNSENT_UPLOADS = Limit(
    "unsent_uploads",
    "LIMIT_UNSENT_UPLOADS",
    30,
    of="files uploaded and not yet sent",
    per=PERSON,
    said=_("Too many files wait to be sent. Send or remove some of them first."),
)

# Webhooks

WEBHOOKS_MADE = Limit(
    "webhooks_made",
    "LIMIT_WEBHOOKS_PER_HOUR",
    30,
    of="webhooks made, outgoing and incoming",
    per=PERSON,
    said=_("You have made many webhooks in a short time."),
    window_seconds=HOUR,
)
WEBHOOK_TESTS = Limit(
    "webhook_tests",
    "LIMIT_WEBHOOK_TESTS_PER_MINUTE",
    10,
    of="tests of webhooks: each takes as long as a stranger's server likes",
    per=PERSON,
    said=_("You have tested many times in a short time."),
    window_seconds=MINUTE,
)
HOOKS = Limit(
    "hooks",
    "LIMIT_HOOKS_PER_MINUTE",
    60,
    of="messages of an incoming webhook",
    per="webhook",
    said=_("This webhook has sent many messages in a short time."),
    window_seconds=MINUTE,
)
WRONG_TOKENS = Limit(
    "wrong_tokens",
    "LIMIT_WRONG_TOKENS_PER_5_MINUTES",
    60,
    of="wrong tokens of incoming webhooks; a right one is always taken",
    per=ADDRESS,
    said=_("Too many wrong addresses of webhooks."),
    window_seconds=FIVE_MINUTES,
)
WEBHOOKS_OF_CHAT = Limit(
    "webhooks_of_chat",
    "LIMIT_WEBHOOKS_PER_CHAT",
    20,
    of="outgoing webhooks, and as many incoming ones",
    per="chat",
    said=_("This chat has enough webhooks. Delete one first."),
)

# Accounts

SIGN_UPS = Limit(
    "sign_ups",
    "LIMIT_SIGN_UPS_PER_HOUR",
    60,
    of="accounts made",
    per=ADDRESS,
    said=_("Too many accounts were made from your network."),
    window_seconds=HOUR,
)
PROFILE_CHANGES = Limit(
    "profile_changes",
    "LIMIT_PROFILE_CHANGES_PER_HOUR",
    60,
    of="changes of one's profile and language",
    per=PERSON,
    said=_("You have changed your profile many times in a short time."),
    window_seconds=HOUR,
)
PASSWORD_CHANGES = Limit(
    "password_changes",
    "LIMIT_PASSWORD_CHANGES_PER_HOUR",
    30,
    of="tries to change one's password",
    per=PERSON,
    said=_("You have changed your password many times in a short time."),
    window_seconds=HOUR,
)
EXPORTS = Limit(
    "exports",
    "LIMIT_EXPORTS_PER_MINUTE",
    1,
    of="downloads of all that one wrote",
    per=PERSON,
    said=_("The last download has just begun."),
    window_seconds=MINUTE,
)

# Passwords (chat/http/sign_in_throttle.py has the rule)

_WRONG = _("Too many wrong passwords.")
PASSWORDS_OF_ACCOUNT_HERE = Limit(
    "passwords_of_account_here",
    "LIMIT_PASSWORDS_PER_ACCOUNT_AND_ADDRESS",
    6,
    of="wrong passwords on devices that are not known",
    per="account and address",
    said=_WRONG,
    window_seconds=FIVE_MINUTES,
)
PASSWORDS_OF_ACCOUNT = Limit(
    "passwords_of_account",
    "LIMIT_PASSWORDS_PER_ACCOUNT",
    60,
    of="wrong passwords from all addresses; then each has fewer tries, never none",
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
    of="wrong passwords of accounts that exist, on devices that are not known",
    per=ADDRESS,
    said=_WRONG,
    window_seconds=FIVE_MINUTES,
)
PASSWORDS_OF_ANY_NAME = Limit(
    "passwords_of_any_name",
    "LIMIT_PASSWORDS_PER_ADDRESS_OF_ANY_NAME",
    300,
    of="wrong passwords of any name, on devices that are not known: each costs a hash",
    per=ADDRESS,
    said=_WRONG,
    window_seconds=FIVE_MINUTES,
)
PASSWORDS_OF_DEVICE = Limit(
    "passwords_of_device",
    "LIMIT_PASSWORDS_PER_KNOWN_DEVICE",
    6,
    of="wrong passwords where the account has signed in before; further ones count as on any"
    " other device",
    per="account and known device",
    said=_WRONG,
    window_seconds=FIVE_MINUTES,
)
PASSWORDS_OF_SESSION = Limit(
    "passwords_of_session",
    "LIMIT_PASSWORDS_PER_SESSION",
    6,
    of="wrong passwords of one's own account while signed in",
    per="session",
    said=_WRONG,
    window_seconds=FIVE_MINUTES,
)

# By type(): isinstance() would ask the settings, which are not there yet, for their class.
TABLE: Final[tuple[Limit, ...]] = tuple(row for row in [*globals().values()] if type(row) is Limit)
