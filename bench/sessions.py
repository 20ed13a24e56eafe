#!/usr/bin/env python3
"""Makes people, chats and signed-in sessions for a load test, and prints them for the generator.

    DATABASE_URL=… bench/sessions.py --rooms 50 --size 4 --url ws://127.0.0.1:8000/ws/ > 50x4.json

Rows are written in bulk, past the services: nobody is connected yet who would have to hear of them.
Only for a database that is thrown away afterwards.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import secrets
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webchat.settings")

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.contrib.auth import (  # noqa: E402
    BACKEND_SESSION_KEY,
    HASH_SESSION_KEY,
    SESSION_KEY,
    get_user_model,
)
from django.contrib.auth.hashers import make_password  # noqa: E402
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402
from django.contrib.sessions.models import Session  # noqa: E402
from django.db import transaction  # noqa: E402
from django.utils import timezone  # noqa: E402

from chat.models import Chat, Membership, User  # noqa: E402

BATCH = 1000


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--rooms", type=int, default=1)
    parser.add_argument("--size", type=int, default=100, help="members of each room")
    parser.add_argument("--url", default="ws://127.0.0.1:8000/ws/", help="of the WebSocket")
    return parser.parse_args()


@transaction.atomic
def make_rooms(rooms: int, size: int, url: str) -> list[list[dict[str, Any]]]:
    """A list of rooms, each a list of its members' addresses, cookies and chat ids."""
    people = make_people(rooms * size)
    cookies = make_sessions(people)
    by_room = [people[start : start + size] for start in range(0, len(people), size)]
    chats = Chat.objects.bulk_create(
        Chat(
            kind=Chat.Kind.GROUP,
            title=f"Load {number + 1}",
            created_by=members[0],
            member_count=len(members),
        )
        for number, members in enumerate(by_room)
    )
    Membership.objects.bulk_create(
        (
            Membership(chat=chat, user=person)
            for chat, members in zip(chats, by_room, strict=True)
            for person in members
        ),
        batch_size=BATCH,
    )
    return [
        [{"url": url, "cookie": cookies[person.pk], "chat": chat.pk} for person in members]
        for chat, members in zip(chats, by_room, strict=True)
    ]


def make_people(number: int) -> list[User]:
    run = secrets.token_hex(4)
    nobody_signs_in_with = make_password(None)
    return User.objects.bulk_create(
        (
            get_user_model()(username=f"load-{run}-{one}", password=nobody_signs_in_with)
            for one in range(number)
        ),
        batch_size=BATCH,
    )


def make_sessions(people: list[User]) -> dict[int, str]:
    """The Cookie header of each person, by their id."""
    ends = timezone.now() + datetime.timedelta(days=1)
    keys = {person.pk: secrets.token_hex(16) for person in people}
    Session.objects.bulk_create(
        (
            Session(
                session_key=keys[person.pk],
                session_data=SessionStore().encode(
                    {
                        SESSION_KEY: str(person.pk),
                        BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
                        HASH_SESSION_KEY: person.get_session_auth_hash(),
                    }
                ),
                expire_date=ends,
            )
            for person in people
        ),
        batch_size=BATCH,
    )
    return {person: f"{settings.SESSION_COOKIE_NAME}={key}" for person, key in keys.items()}


if __name__ == "__main__":
    given = arguments()
    json.dump(make_rooms(given.rooms, given.size, given.url), sys.stdout)
