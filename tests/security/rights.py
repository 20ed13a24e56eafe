"""Who may use which door: one line each. A door of the code without a line here fails the tests.

A line says for every kind of person what they are told: "ok", or the code of the refusal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

# The message, the upload and the receipts are the author's; the chat is the owner's.
KINDS = (
    *("nobody", "banned", "deleted", "stranger", "left", "invited", "removed"),
    *("member", "author", "admin", "owner"),
    *("moderator", "operator", "auditor", "superuser"),
)
SIGNED_OUT = frozenset({"nobody", "banned", "deleted"})
STAFF = ("moderator", "operator", "auditor", "superuser")
Line = Mapping[str, str]


def only(*kinds: str, forbidden: Iterable[str] = (), **others: str) -> Line:
    """Others are told that there is nothing, `forbidden` ones that they may not."""
    line = dict.fromkeys(KINDS, "not_found")
    line |= dict.fromkeys(SIGNED_OUT, "signed_out")
    line |= dict.fromkeys(kinds, "ok")
    return line | dict.fromkeys(forbidden, "forbidden") | others


PEOPLE = only(*(kind for kind in KINDS if kind not in SIGNED_OUT))
MEMBERS = only("member", "author", "admin", "owner")
MANAGERS = only("admin", "owner", forbidden=("member", "author"))
OWNER = only("owner", forbidden=("member", "author", "admin"))
AUTHOR = only("author", forbidden=("member", "admin", "owner"))
AUTHOR_OR_MANAGERS = only("author", "admin", "owner", forbidden=("member",))
# Of what is one's own, nobody else's is there at all.
UPLOADER = only("author")
INVITED = only("invited")
# Staff with the right looks after webhooks of chats that they are not in; making one would let them
# read, and needs the right to read besides.
HOOKS = only("admin", "owner", "operator", "superuser", forbidden=("member", "author"))
NEW_HOOK = only("admin", "owner", "superuser", forbidden=("member", "author"))

API: Mapping[str, Line] = {
    "GET me": PEOPLE,
    "GET people": PEOPLE,
    "GET chats": PEOPLE,
    "POST chats": PEOPLE,
    "POST chats/direct": PEOPLE,
    "GET chats/public": PEOPLE,
    "GET chats/{chat}": MEMBERS,
    "PATCH chats/{chat}": MANAGERS,
    # A group is not joined: of one's own it says nothing else than that one is in it.
    "POST chats/{chat}/join": only(),
    "POST chats/{chat}/leave": MEMBERS,
    "GET chats/{chat}/members": MEMBERS,
    "POST chats/{chat}/members": MANAGERS,
    # Removing the author, a plain member.
    "DELETE chats/{chat}/members/{member}": only("admin", "owner", forbidden=("member", "author")),
    "PATCH chats/{chat}/members/{member}": OWNER,
    "GET chats/{chat}/removed": MANAGERS,
    "DELETE chats/{chat}/removed/{member}": MANAGERS,
    "GET chats/{chat}/messages": MEMBERS,
    "POST chats/{chat}/messages": MEMBERS,
    "POST chats/{chat}/attachments": MEMBERS,
    "DELETE attachments/{attachment}": UPLOADER,
    "GET chats/{chat}/changes": MEMBERS,
    "POST chats/{chat}/receipts": MEMBERS,
    "PUT chats/{chat}/notify": MEMBERS,
    "GET notifications": PEOPLE,
    "POST notifications/seen": PEOPLE,
    "PATCH messages/{message}": AUTHOR,
    "DELETE messages/{message}": AUTHOR_OR_MANAGERS,
    "PUT messages/{message}/reactions": MEMBERS,
    "GET messages/{message}/edits": MEMBERS,
    "GET messages/{message}/receipts": AUTHOR,
    "GET search": PEOPLE,
    "GET chats/{chat}/invites": MANAGERS,
    "POST chats/{chat}/invites": MANAGERS,
    "DELETE chats/{chat}/invites/{invite}": MANAGERS,
    # Whoever left is asked back, and reads nothing before they accept.
    "POST invitations/{invitation}/accept": INVITED,
    "POST invitations/{invitation}/decline": INVITED,
    "GET chats/{chat}/webhooks": HOOKS,
    "POST chats/{chat}/webhooks": NEW_HOOK,
    "PATCH chats/{chat}/webhooks/{webhook}": HOOKS,
    "DELETE chats/{chat}/webhooks/{webhook}": HOOKS,
    "POST chats/{chat}/webhooks/{webhook}/secret": HOOKS,
    "POST chats/{chat}/webhooks/{webhook}/take-over": NEW_HOOK,
    "POST chats/{chat}/webhooks/{webhook}/test": HOOKS,
    "GET chats/{chat}/webhooks/{webhook}/deliveries": HOOKS,
    "POST chats/{chat}/webhooks/{webhook}/deliveries/{delivery}/again": HOOKS,
    "GET chats/{chat}/webhooks/incoming": HOOKS,
    "POST chats/{chat}/webhooks/incoming": HOOKS,
    "DELETE chats/{chat}/webhooks/incoming/{incoming}": HOOKS,
    "POST chats/{chat}/webhooks/incoming/{incoming}/take-over": HOOKS,
    "GET chats/{chat}/mentionable": MEMBERS,
    "GET chats/{chat}/named": MEMBERS,
    "GET blocks": PEOPLE,
    # The author is who is blocked here: nobody blocks themselves.
    "PUT blocks/{member}": {**PEOPLE, "author": "conflict"},
    "DELETE blocks/{member}": PEOPLE,
    "POST reports": PEOPLE,
}

SOCKET: Mapping[str, Line] = {
    "ping": PEOPLE,
    "message.send": MEMBERS,
    "message.edit": AUTHOR,
    "message.delete": AUTHOR_OR_MANAGERS,
    "reaction.set": MEMBERS,
    "chat.sync": MEMBERS,
    "chat.history": MEMBERS,
    "receipt": MEMBERS,
    "typing": MEMBERS,
}


def page(line: Line) -> Line:
    """Whoever is signed out is sent to the page where one signs in."""
    return {kind: "sign_in" if said == "signed_out" else said for kind, said in line.items()}


EVERYONE = dict.fromkeys(KINDS, "ok")
PAGES: Mapping[str, Line] = {
    "livez": EVERYONE,
    "readyz": EVERYONE,
    # By address: the tests ask from this machine.
    "metrics": EVERYONE,
    "": page(PEOPLE),
    "chats/<int:chat_id>": page(MEMBERS),
    # The address alone is no right, and whoever is signed out is not told that it is one.
    "attachments/<uuid:attachment_id>": {**UPLOADER, **dict.fromkeys(SIGNED_OUT, "not_found")},
    "attachments/<uuid:attachment_id>/preview": dict.fromkeys(KINDS, "not_found"),
    "sign-up": EVERYONE,
    "sign-in": EVERYONE,
    "sign-out": EVERYONE,
    "profile": page(PEOPLE),
    "profile/password": page(PEOPLE),
    "profile/sign-ins": page(PEOPLE),
    # Each sees and ends their own alone.
    "profile/sign-ins/<int:sign_in_id>/end": page(PEOPLE),
    "profile/sign-ins/end": page(PEOPLE),
    "profile/export/<str:form>": page(PEOPLE),
    "profile/delete": page(PEOPLE),
    # Nobody has the token.
    "hooks/<str:token>": dict.fromkeys(KINDS, "not_found"),
    # Joining asks who one is before it looks at the link.
    "join/<str:token>": {
        kind: "not_found/sign_in" if kind in SIGNED_OUT else "not_found" for kind in KINDS
    },
    "i18n/language": EVERYONE,
    "i18n/words.js": EVERYONE,
}
