"""Finding people and public chats, and listing a chat's members."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from functools import reduce
from operator import or_

from django.db.models import Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Concat, Lower

from chat.content.lookalikes import skeleton
from chat.content.names import normal_form
from chat.models import Block, Chat, Membership, User
from chat.models.chats import MembershipQuerySet
from chat.reads.blocks import people_apart
from chat.reads.paging import page_of
from chat.wire.payloads import Payload, person_payload, sender_payload, timestamp

MAX_FOUND = 20
READ_BY_NAME = 1000  # people: some two milliseconds
PAGE_MEMBERS = 100


def holding(field: str, words: str) -> Q:
    """The field holds the words in any case. SQLite alone knows the case of ASCII letters only."""
    if words.isascii():
        return Q(**{f"{field}__icontains": words})
    # Titles are kept as they were typed; names are in NFC.
    forms = (words, *(unicodedata.normalize(form, words) for form in ("NFC", "NFD")))
    cases = {
        case
        for form in forms
        for case in (form, form.lower(), form.upper(), form.capitalize(), form.title())
    }
    return reduce(or_, (Q(**{f"{field}__icontains": case}) for case in sorted(cases)))


def called(words: str) -> Q:
    """Of people: their username or name holds the words; usernames are in normal form."""
    username = holding("username", normal_form(words).removeprefix("@"))
    return username | holding("display_name", words)


def names_of_people(names: Collection[str]) -> dict[int, str]:
    """The people with these usernames (given in normal form), by id."""
    cases = {case for name in names for case in (name, name.upper(), name.title())}
    people = User.objects.annotate(lowered=Lower("username")).filter(
        # The database's own idea of lower case may end with ASCII.
        Q(lowered__in=names) | Q(username__in=cases | set(names)),
        is_active=True,
        is_bot=False,
    )
    return {pk: normal_form(username) for pk, username in people.values_list("pk", "username")}


def names_of_members(chat_id: int, names: Collection[str]) -> list[str]:
    """Those of the names, in normal form, that belong to people in the chat."""
    people = names_of_people(names)
    members = Membership.objects.active().filter(chat_id=chat_id, user__in=people)
    return sorted(people[pk] for pk in members.values_list("user_id", flat=True))


def share_a_chat(user: User, other_id: int) -> bool:
    """Whether both are in some chat, and be it their own direct one."""
    theirs = Membership.objects.active().filter(user_id=other_id).values("chat_id")
    return Membership.objects.active().filter(user=user, chat_id__in=theirs).exists()


def find_people(user: User, words: str) -> list[Payload]:
    """Active people whose name or username begins with, or holds, the words; not oneself.

    Nobody who has blocked the person; whom the person has blocked is marked.
    """
    if not words.removeprefix("@"):
        return []
    people = User.objects.filter(called(words), is_active=True, is_bot=False).exclude(pk=user.pk)
    people = people.exclude(pk__in=Block.objects.against(user).values("blocker"))
    # Those who begin with it come first.
    beginning = Q(username__istartswith=normal_form(words).removeprefix("@"))
    found = _by_letters(people.filter(beginning), MAX_FOUND)
    if len(found) < MAX_FOUND:
        found += _first_by_name(people.exclude(beginning), MAX_FOUND - len(found))
    return _marked(user, found)


def _first_by_name(people: QuerySet[User], limit: int) -> list[User]:
    """Letters that many have are met soon, where one begins to read. Others are looked for."""
    usernames = User.objects.order_by("username").values_list("username", flat=True)
    last_read = usernames[READ_BY_NAME : READ_BY_NAME + 1].first()
    if last_read is None:
        return list(people.order_by("username")[:limit])
    found = list(people.filter(username__lte=last_read).order_by("username")[:limit])
    if len(found) < limit:
        found += _by_letters(people.filter(username__gt=last_read), limit - len(found))
    return found


def _by_letters(people: QuerySet[User], limit: int) -> list[User]:
    """Not by the bare username: PostgreSQL would read all people in its order, where only a few at
    the end are called so. Its indexes of letters (a migration made them) find these."""
    return list(people.order_by(Concat("username", Value("")))[:limit])


def _marked(user: User, people: list[User]) -> list[Payload]:
    own = Block.objects.by(user).filter(blocked__in=people)
    blocked = set(own.values_list("blocked_id", flat=True)) if people else set()
    return [
        person_payload(person) | ({"blocked": True} if person.pk in blocked else {})
        for person in people
    ]


def find_public_chats(user: User, words: str, page: int) -> Payload:
    own = Membership.objects.active().filter(chat=OuterRef("pk"), user=user)
    chats = (
        Chat.objects.open_to_all()
        .filter(holding("title", words))
        .annotate(joined=Exists(own))
        .order_by("-member_count", "title", "pk")
        .values_list("pk", "title", "member_count", "joined")
    )
    rows, more = page_of(chats, page, size=MAX_FOUND)
    return {
        "chats": [
            {"id": pk, "title": title, "member_count": count, "joined": joined}
            for pk, title, count, joined in rows
        ],
        "more": more,
    }


def list_members(chat_id: int, words: str, page: int) -> Payload:
    rows, more = page_of(_members(chat_id, words), page, size=PAGE_MEMBERS)
    return {"members": [member_payload(membership) for membership in rows], "more": more}


def list_removed(chat_id: int, page: int) -> Payload:
    """Those who stay out until they are let back, newest first; nobody whose account is gone."""
    removed = (
        Membership.objects.removed()
        .filter(chat_id=chat_id, user__deleted_at__isnull=True)
        .select_related("user", "removed_by")
        .order_by("-removed_at", "-pk")
    )
    rows, more = page_of(removed, page, size=PAGE_MEMBERS)
    return {
        "removed": [
            {
                "user": person_payload(row.user),
                "removed_at": timestamp(row.removed_at),
                "removed_by": sender_payload(row.removed_by) if row.removed_by else None,
            }
            for row in rows
        ],
        "more": more,
    }


def is_name_of_member(chat_id: int, name: str) -> bool:
    """Whether somebody in the chat has a name or a username that looks like this one."""
    shape = skeleton(name)
    people = Membership.objects.active().people().filter(chat_id=chat_id)
    if people.filter(user__username_skeleton=shape).exists():
        return True
    names = people.exclude(user__display_name="").values_list("user__display_name", flat=True)
    return any(skeleton(shown) == shape for shown in names.iterator())


def find_mentionable(user: User, chat_id: int, words: str) -> list[Payload]:
    """Those of the chat's members whom a mention by this person would reach."""
    apart = people_apart([user.pk])[user.pk]
    members = _members(chat_id, words).people().exclude(user__in=apart)
    return [person_payload(membership.user) for membership in members[:MAX_FOUND]]


def _members(chat_id: int, words: str) -> MembershipQuerySet:
    named = Membership.objects.active().filter(chat_id=chat_id).with_names()
    found = named.filter(called(words)) if words else named
    members: MembershipQuerySet = found.order_by("username").prefetch_related("user")
    return members


def member_payload(membership: Membership) -> Payload:
    return {
        "user": person_payload(membership.user),
        "role": membership.role,
        "joined_at": timestamp(membership.joined_at),
    }
