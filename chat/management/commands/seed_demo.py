"""Makes demo people and chats once, and says how to sign in."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from chat.errors import ChatError
from chat.models import Chat, User
from chat.services.chats.chats import create_chat, open_direct_chat
from chat.services.cursors.receipts import Cursors, advance_cursors
from chat.services.people.people import create_person
from chat.services.posting.posting import post_message
from chat.services.posting.posts import NewPost
from messaging.management.waiting import add_wait, require_database

PASSWORD = "webchat-demo"  # noqa: S105  (printed for everyone to see)
PEOPLE = {
    "anna": ("Анна Петрова", "ru"),
    "boris": ("Борис Иванов", "ru"),
    "carol": ("Carol Jones", "en"),
}
TALK = [
    ("anna", "Всем привет! Это общий чат: сюда может войти каждый."),
    ("carol", "Hi Anna! Good to see you here 👋"),
    ("boris", "Открыл на телефоне и на ноутбуке — всё на месте."),
    ("anna", "Нажмите ↑ в пустой строке, чтобы исправить последнее сообщение."),
    ("carol", "And it keeps working on the train, too: what I write offline goes out later."),
]


class Command(BaseCommand):
    help = (
        "Creates three demo people and a few chats, once. Not for a server that others can reach."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--quiet", action="store_true", help="print nothing if they exist")
        add_wait(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        require_database(options["wait"])
        made = not User.objects.filter(username__in=PEOPLE).exists()
        if made:
            try:
                make_demo()
            except ChatError as error:
                raise CommandError(f"The demo people cannot be created: {error.detail}") from error
        if made or not options["quiet"]:
            names = ", ".join(PEOPLE)
            self.stdout.write(f"Sign in as one of {names} with the password {PASSWORD}")
            if not settings.DEBUG and settings.ALLOWED_ORIGINS:
                self.stderr.write(
                    "This password is public: remove the demo people before you let others in."
                )


@transaction.atomic
def make_demo() -> None:
    people = {
        username: create_person(
            username=username, password=PASSWORD, display_name=name, language=language
        )
        for username, (name, language) in PEOPLE.items()
    }
    anna, boris, carol = people.values()
    lobby = create_chat(
        owner=anna, kind=Chat.Kind.PUBLIC, title="Общий чат · Lobby", members=[boris, carol]
    )
    create_chat(owner=carol, kind=Chat.Kind.PUBLIC, title="Random")
    team = create_chat(owner=boris, kind=Chat.Kind.GROUP, title="Команда", members=[anna])
    for username, content in TALK:
        _say(lobby, people[username], content)
    _say(team, boris, "Созвон завтра в 10:00?")
    _say(open_direct_chat(user=anna, other_id=carol.pk), carol, "Lunch on Friday? 🍜")


def _say(chat: Chat, person: User, content: str) -> None:
    post = NewPost(chat_id=chat.pk, sender_id=person.pk, client_message_id=uuid4(), content=content)
    # Who writes has read what stands above.
    advance_cursors({(chat.pk, person.pk): Cursors(read_seq=post_message(post).seq)})
