"""What works in somebody's name works while they may make it: every thing, every way to lose the
right, at every moment at which it could be late."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import reverse

from chat.errors import ConflictError, ForbiddenError, NotFoundError
from chat.http.pages import hooks
from chat.models import Chat, IncomingWebhook, Invite, Membership, Message, User, Webhook
from chat.models.webhooks import IncomingWebhookQuerySet, WebhookQuerySet
from chat.services.chats import chats
from chat.services.chats.invites import create_invite, use_invite
from chat.services.people import moderation
from chat.services.people.account_deletion import delete_account
from chat.webhooks import deliveries as webhook_deliveries
from chat.webhooks import incoming as incoming_webhooks
from chat.webhooks import outgoing as webhooks
from messaging.models import OutboxEvent
from tests.integration.chat.webhook_parts import note, sending, until
from tests.support.people import browser_of, make_group, make_person
from tests.support.receivers import Receiver

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long(on="services")]

STAFF_RIGHTS = (*WebhookQuerySet.permissions, *IncomingWebhookQuerySet.permissions)


@pytest.fixture(autouse=True)
def receivers_may_be_near(settings):
    settings.WEBHOOK_ALLOW_PRIVATE = settings.WEBHOOK_ALLOW_HTTP = True


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.stop()


@pytest.fixture
def other() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.stop()


class World:
    """Ann owns a chat. Max, of whom it is, is another manager of it; or of staff, and not in it."""

    def __init__(self, *, of_staff: bool) -> None:
        self.ann, self.root = make_person("ann"), make_person("root", is_superuser=True)
        User.objects.filter(pk=self.root.pk).update(is_staff=True)
        self.root.refresh_from_db()
        self.max = make_person("max", is_staff=of_staff)
        self.chat = make_group(self.ann)
        self.group = Group.objects.create(name="Webmasters")
        if of_staff:
            self.group.permissions.set(rights(*STAFF_RIGHTS))
            self.max.groups.add(self.group)
        else:
            self.admit()

    def admit(self) -> None:
        added: Any = {"actor": self.ann, "chat_id": self.chat.pk, "user_id": self.max.pk}
        if invitation := chats.add_member(**added):  # of who left by themselves
            chats.accept_invitation(user=self.max, invitation_id=invitation.pk)
        self.promote()

    def promote(self) -> None:
        self.give_role("admin")

    def give_role(self, role: str) -> None:
        chats.set_role(actor=self.ann, chat_id=self.chat.pk, user_id=self.max.pk, role=role)

    def set_fields(self, **fields: Any) -> None:
        User.objects.filter(pk=self.max.pk).update(**fields)

    def someone(self) -> User:
        """As they are now; has_perm remembers what it was told."""
        return User.objects.get(pk=self.max.pk)


def rights(*permissions: str) -> list[Permission]:
    names = [permission.split(".")[1] for permission in permissions]
    return list(Permission.objects.filter(content_type__app_label="chat", codename__in=names))


@dataclass(frozen=True)
class Loss:
    """A way to lose the right, how managers read of it, and how it comes back, if it does."""

    name: str
    happens: Callable[[World], object]
    code: str
    back: Callable[[World], object] | None = None

    def __str__(self) -> str:
        return self.name


def ban(world: World) -> None:
    moderation.ban_person(world.root, world.max.pk, "spam")


def unban(world: World) -> None:
    moderation.unban_person(world.root, world.max.pk, "a mistake")


def leave(world: World) -> None:
    chats.leave_chat(user=world.max, chat_id=world.chat.pk)


def remove(world: World) -> None:
    chats.remove_member(actor=world.ann, chat_id=world.chat.pk, user_id=world.max.pk)


def take_group(world: World) -> None:
    moderation.set_staff_rights(
        world.root, world.max.pk, is_staff=True, groups=[], reason="another job"
    )


EITHER_WAY = [
    Loss("is banned", ban, "banned", unban),
    Loss("deletes the account", lambda world: delete_account(world.someone()), "deleted"),
]
BY_MANAGERS = [
    Loss("leaves", leave, "gone", World.admit),
    Loss("is removed", remove, "gone"),
    Loss("is demoted", lambda world: world.give_role("member"), "demoted", World.promote),
    *EITHER_WAY,
]
BY_STAFF = [
    Loss(
        "is no longer of staff",
        lambda world: world.set_fields(is_staff=False),
        "not_staff",
        lambda world: world.set_fields(is_staff=True),
    ),
    Loss(
        "loses the group",
        take_group,
        "not_staff",
        lambda world: world.max.groups.add(world.group),
    ),
    Loss(
        "is in a group that loses the right",
        lambda world: world.group.permissions.clear(),
        "not_staff",
    ),
    *EITHER_WAY,
]


class Thing:
    """Something that Max makes and that works later. `is_sent`: by and by, to a receiver."""

    is_sent = False
    of_all_chats = False

    def __init__(self, world: World, url: str) -> None:
        self.world, self.url = world, url
        self.row = self.make(world.max)

    def make(self, actor: User) -> Any:
        raise NotImplementedError

    def works(self) -> bool:
        raise NotImplementedError


class AnInvite(Thing):
    def make(self, actor: User) -> Invite:
        return create_invite(actor=actor, chat_id=self.world.chat.pk)

    def works(self) -> bool:
        guest = make_person("guest")
        try:
            use_invite(user=guest, token=self.row.token)
        except NotFoundError:
            return False
        return Membership.objects.active().filter(user=guest).exists()


class AnIncomingWebhook(Thing):
    def make(self, actor: User) -> IncomingWebhook:
        made, self.token = incoming_webhooks.create_incoming_webhook(
            actor=actor, chat_id=self.world.chat.pk, name="Builds"
        )
        return made

    def works(self) -> bool:
        before = Message.objects.count()
        answer = self.post()
        assert (answer.status_code == 201) == (Message.objects.count() == before + 1)
        if answer.status_code == 404:
            assert answer.content == Client().post("/hooks/none").content
        return bool(answer.status_code == 201)

    def post(self, **fields: str) -> Any:
        given = {"text": "green", **fields}
        return Client().post(f"/hooks/{self.token}", given, content_type="application/json")


class AnOutgoingWebhook(Thing):
    is_sent = True

    def make(self, actor: User) -> Webhook:
        chat_id = None if self.of_all_chats else self.world.chat.pk
        return webhooks.create_webhook(actor=actor, chat_id=chat_id, name="Mirror", url=self.url)

    def works(self) -> bool:
        """Whether what is written now is noted for it."""
        before = self.row.deliveries.count()
        note([self.world.chat], first=1000 + before, last=1000 + before)
        return bool(self.row.deliveries.count() > before)


class AnOutgoingWebhookOfAllChats(AnOutgoingWebhook):
    of_all_chats = True


OF_MANAGERS = (AnInvite, AnIncomingWebhook, AnOutgoingWebhook)
OF_STAFF = (AnIncomingWebhook, AnOutgoingWebhook, AnOutgoingWebhookOfAllChats)
ROWS = [
    (kind, of_staff, loss)
    for kinds, losses, of_staff in ((OF_MANAGERS, BY_MANAGERS, False), (OF_STAFF, BY_STAFF, True))
    for kind, loss in itertools.product(kinds, losses)
]
Row = tuple[type[Thing], bool, Loss]


def rows(condition: Callable[[type[Thing]], bool] = lambda kind: True) -> Any:
    found: list[Row] = [row for row in ROWS if condition(row[0])]
    names = [f"{kind.__name__} of who {loss}, staff: {staff}" for kind, staff, loss in found]
    return pytest.mark.parametrize(("kind", "of_staff", "loss"), found, ids=names)


every_row = rows()
every_row_that_is_sent = rows(lambda kind: kind.is_sent)
every_row_of_webhooks = rows(lambda kind: kind is not AnInvite)
every_row_that_is_used = rows(lambda kind: kind is AnIncomingWebhook)


class TestWhatSomebodyMade:
    @every_row
    def test_works_while_they_may_make_it(self, kind, of_staff, loss):
        world = World(of_staff=of_staff)
        thing = kind(world, "https://192.0.2.1/hook")
        assert thing.works()
        loss.happens(world)
        with pytest.raises((ForbiddenError, NotFoundError)):
            thing.make(world.someone())
        assert not thing.works()
        if loss.back is not None:
            loss.back(world)
            assert kind.make(thing, world.someone())
            assert thing.works()

    @every_row_that_is_sent
    def test_and_waits_is_not_sent(self, kind, of_staff, loss, receiver, other):
        world = World(of_staff=of_staff)
        thing = kind(world, receiver.url)
        control = webhooks.create_webhook(
            actor=world.ann, chat_id=world.chat.pk, name="Another", url=other.url
        )
        note([world.chat], last=2)
        loss.happens(world)
        with sending():
            until(lambda: not control.deliveries.waiting().exists())
        assert not receiver.asked
        assert thing.row.deliveries.waiting().count() == 2

    @every_row_that_is_sent
    def test_and_is_being_sent_ends_with_what_has_left(self, kind, of_staff, loss, receiver, other):
        world = World(of_staff=of_staff)
        thing = kind(world, receiver.url)
        control = webhooks.create_webhook(
            actor=world.ann, chat_id=world.chat.pk, name="Another", url=other.url
        )
        go_on = receiver.hold_back()
        note([world.chat], last=3)
        with sending():
            until(lambda: receiver.asked)
            loss.happens(world)
            go_on.set()
            until(lambda: thing.row.deliveries.filter(status="delivered").exists())
            note([world.chat], first=4, last=6)
            until(lambda: not control.deliveries.waiting().exists())
        assert len(receiver.asked) == 1
        assert thing.row.deliveries.waiting().count() == 2

    @every_row_that_is_sent
    def test_and_is_on_its_way_to_a_slow_receiver_is_withheld(
        self, kind, of_staff, loss, receiver, monkeypatch
    ):
        """The right ends while the name is looked up, or the connection is made."""
        world = World(of_staff=of_staff)
        thing = kind(world, receiver.url)
        looked_up, go_on = threading.Event(), threading.Event()

        def resolve_slowly(target: Any) -> list[str]:
            looked_up.set()
            assert go_on.wait(60)
            return ["127.0.0.1"]

        monkeypatch.setattr("chat.webhooks.requests.resolve", resolve_slowly)
        note([world.chat], last=1)
        with sending() as sender:
            assert looked_up.wait(60)
            loss.happens(world)
            go_on.set()
            until(lambda: not sender._running)
        assert not receiver.asked
        delivery = thing.row.deliveries.get()
        assert (delivery.status, delivery.attempts, delivery.error) == ("waiting", 0, "")
        thing.row.refresh_from_db()
        assert thing.row.failures == 0

    @every_row_that_is_used
    def test_and_is_being_used_does_nothing_more(self, kind, of_staff, loss, monkeypatch):
        """The right ends between the look at the token and the message."""
        world = World(of_staff=of_staff)
        thing = kind(world, "")
        monkeypatch.setattr(hooks, "take", lambda count: loss.happens(world))
        assert thing.post().status_code == 404
        assert not Message.objects.exists()


class TestRightOfStaff:
    """From wherever it comes: the database's answer is Django's own."""

    @pytest.mark.parametrize(
        "give",
        [
            lambda world: world.set_fields(is_superuser=True),
            lambda world: world.max.user_permissions.set(rights(*WebhookQuerySet.permissions)),
            lambda world: world.max.groups.add(world.group),
        ],
        ids=["superuser", "a right of their own", "group"],
    )
    @pytest.mark.parametrize(
        ("take", "is_kept"),
        [
            (lambda world: world.set_fields(is_staff=False), False),
            (lambda world: world.set_fields(is_superuser=False), None),
            (lambda world: world.max.user_permissions.clear(), None),
            (lambda world: world.max.user_permissions.remove(*rights("chat.change_webhook")), None),
            (lambda world: world.max.groups.clear(), None),
            (lambda world: None, True),
        ],
        ids=["staff", "superuser", "all of their own", "one of their own", "groups", "nothing"],
    )
    def test_counts_as_django_counts_it(self, give, take, is_kept):
        world = World(of_staff=True)
        world.max.groups.clear()
        give(world)
        row = AnOutgoingWebhookOfAllChats(world_of(world), "https://192.0.2.1/hook").row
        take(world)
        person = world.someone()
        may = person.is_staff and person.has_perms(WebhookQuerySet.permissions)
        assert is_kept in (None, may)
        assert Webhook.objects.entitled().exists() == may
        assert Webhook.objects.working_ids([row.pk]) == ({row.pk} if may else set())


def world_of(world: World) -> World:
    """With its people as they are now."""
    world.max = world.someone()
    return world


class TestPaused:
    @every_row_of_webhooks
    def test_is_shown_to_managers_with_its_reason(self, kind, of_staff, loss):
        world = World(of_staff=of_staff)
        thing = kind(world, "https://192.0.2.1/hook")
        rows = type(thing.row).objects.with_standing()
        assert not rows.get(pk=thing.row.pk).why_paused
        loss.happens(world)
        row = rows.get(pk=thing.row.pk)
        assert row.paused_because == loss.code
        assert "%" not in row.why_paused
        if loss.code != "deleted":
            assert row.why_paused.startswith(world.max.name)
        if not kind.of_all_chats:
            (shown,) = listed(world, thing)
            assert shown["paused"] == {"code": loss.code, "detail": row.why_paused}
            assert shown["owner"]["id"] == shown["created_by"]["id"] == world.max.pk

    @every_row_that_is_sent
    def test_is_neither_tried_nor_switched_on_nor_sent_again(self, kind, of_staff, loss, receiver):
        world = World(of_staff=of_staff)
        webhook = kind(world, receiver.url).row
        note([world.chat], last=1)
        webhook.deliveries.update(status="delivered")
        loss.happens(world)
        actions = [
            lambda: webhooks.try_webhook(world.root, webhook),
            lambda: webhooks.set_webhook_active(
                actor=world.root, webhook_id=webhook.pk, chat_id=webhook.chat_id, active=True
            ),
            lambda: webhook_deliveries.send_again(
                actor=world.root, webhook=webhook, delivery_id=webhook.deliveries.get().pk
            ),
        ]
        for action in actions:
            with pytest.raises(ConflictError, match=r"It is paused. .* Take it over first"):
                action()
        assert not receiver.asked
        assert webhook.deliveries.get().status == "delivered"

    def test_is_listed_with_as_many_queries_for_many_as_for_one(
        self, django_assert_max_num_queries
    ):
        world = World(of_staff=False)
        for _ in range(5):
            AnIncomingWebhook(world, "")
        remove(world)
        browser = browser_of(world.ann)
        browser.get(f"/api/chats/{world.chat.pk}/webhooks/incoming")
        with django_assert_max_num_queries(6):
            browser.get(f"/api/chats/{world.chat.pk}/webhooks/incoming")


def listed(world: World, thing: Thing) -> list[dict[str, Any]]:
    place = "webhooks/incoming" if isinstance(thing, AnIncomingWebhook) else "webhooks"
    answer = browser_of(world.ann).get(f"/api/chats/{world.chat.pk}/{place}")
    found: list[dict[str, Any]] = answer.json()["webhooks"]
    return found


def take_over(browser: Client, chat: Chat, place: str) -> Any:
    path = f"/api/chats/{chat.pk}/webhooks/{place}/take-over"
    return browser.post(path, content_type="application/json")


class TestTakingOver:
    @pytest.fixture
    def world(self) -> World:
        return World(of_staff=False)

    def test_an_outgoing_webhook_sends_what_waited_under_a_new_secret(self, world, receiver):
        thing = AnOutgoingWebhook(world, receiver.url)
        note([world.chat], last=2)
        remove(world)
        note([world.chat], first=3, last=3)  # written while it is paused: not for it
        answer = take_over(browser_of(world.ann), world.chat, str(thing.row.pk))
        assert answer.status_code == 200
        given = answer.json()
        assert given["webhook"]["paused"] is None
        assert given["webhook"]["owner"]["id"] == world.ann.pk
        assert given["webhook"]["created_by"]["id"] == world.max.pk
        before, thing.row = thing.row.secret, Webhook.objects.get()
        assert given["secret"] == thing.row.secret != before
        with sending():
            until(lambda: not thing.row.deliveries.waiting().exists())
        assert receiver.events_by_chat() == {str(world.chat.pk): [1, 2]}
        assert thing.works()

    def test_an_incoming_webhook_gives_a_new_address_and_keeps_bot_and_ids(self, world):
        thing = AnIncomingWebhook(world, "")
        first = thing.post(id="build-17").json()
        remove(world)
        answer = take_over(browser_of(world.ann), world.chat, f"incoming/{thing.row.pk}")
        old, thing.token = thing.token, answer.json()["path"].removeprefix("/hooks/")
        assert thing.token != old
        again = thing.post(id="build-17")
        assert (again.status_code, again.json()["message_id"]) == (200, first["message_id"])
        assert thing.works()
        assert set(Message.objects.values_list("sender_id", flat=True)) == {thing.row.bot_id}
        thing.token = old
        assert not thing.works()

    def test_is_a_fact_that_names_who_had_it_and_no_secret(self, world):
        hook, door = AnOutgoingWebhook(world, "https://192.0.2.1/"), AnIncomingWebhook(world, "")
        given = [
            take_over(browser_of(world.ann), world.chat, str(hook.row.pk)).json()["secret"],
            take_over(browser_of(world.ann), world.chat, f"incoming/{door.row.pk}").json()["path"],
        ]
        facts = OutboxEvent.objects.filter(event_type__endswith="webhook.taken_over").order_by("pk")
        assert [f.event_type for f in facts] == [
            "webhook.taken_over",
            "incoming_webhook.taken_over",
        ]
        for fact, secret in zip(facts, given, strict=True):
            assert f'"before":"{world.max.pk}"' in fact.payload.replace(" ", "")
            assert secret.removeprefix("/hooks/") not in fact.payload

    def test_is_for_those_who_may_make_one(self, world):
        hook, door = AnOutgoingWebhook(world, "https://192.0.2.1/"), AnIncomingWebhook(world, "")
        member, operator = make_person("member"), make_person("operator", is_staff=True)
        chats.add_member(actor=world.ann, chat_id=world.chat.pk, user_id=member.pk)
        # Whoever reads no messages gets none at an address of theirs either.
        operator.user_permissions.set(rights("chat.change_webhook"))
        kept = list(Webhook.objects.values()), list(IncomingWebhook.objects.values())
        for person, status in [(member, 403), (operator, 404), (make_person("eve"), 404)]:
            for place in (str(hook.row.pk), f"incoming/{door.row.pk}"):
                assert take_over(browser_of(person), world.chat, place).status_code == status
        assert kept == (list(Webhook.objects.values()), list(IncomingWebhook.objects.values()))

    def test_of_one_that_was_revoked_is_not_found(self, world):
        door = AnIncomingWebhook(world, "")
        incoming_webhooks.revoke_incoming_webhook(
            actor=world.ann, webhook_id=door.row.pk, chat_id=world.chat.pk
        )
        place = f"incoming/{door.row.pk}"
        assert take_over(browser_of(world.ann), world.chat, place).status_code == 404


class TestStaffsPages:
    @pytest.fixture
    def world(self) -> World:
        return World(of_staff=True)

    @pytest.mark.parametrize("kind", OF_STAFF)
    def test_show_what_is_paused_and_take_it_over(self, world, kind):
        thing = kind(world, "https://192.0.2.1/hook")
        name = thing.row._meta.model_name
        take_group(world)
        browser, place = browser_of(world.root), reverse(f"admin:chat_{name}_changelist")
        reason = "no longer has the staff right to it"
        assert reason in browser.get(f"{place}?paused=yes").content.decode()
        assert reason not in browser.get(f"{place}?paused=no").content.decode()
        detail = browser.get(reverse(f"admin:chat_{name}_change", args=[thing.row.pk]))
        assert reason in detail.content.decode()
        first_page = browser.get(reverse("admin:index")).content.decode()
        assert f"{place}?paused=yes" in first_page
        answer = do(browser, place, "take_over", thing)
        said = " ".join(str(message) for message in answer.context["messages"])
        row = type(thing.row).objects.get()
        assert (row.owner_id, row.created_by_id) == (world.root.pk, world.max.pk)
        secret = row.secret if isinstance(row, Webhook) else "http://testserver/hooks/"
        assert secret in said
        assert thing.works() or kind is AnIncomingWebhook

    @pytest.mark.parametrize("kind", [AnOutgoingWebhook, AnOutgoingWebhookOfAllChats])
    def test_say_why_nothing_is_sent_for_it(self, world, kind):
        thing = kind(world, "https://192.0.2.1/hook")
        note([world.chat], last=1)
        take_group(world)
        browser = browser_of(world.root)
        actions = [("webhook", "try_out", thing.row.pk), ("webhook", "switch_on", thing.row.pk)]
        actions.append(("webhookdelivery", "send_again", thing.row.deliveries.get().pk))
        for name, action, pk in actions:
            place = reverse(f"admin:chat_{name}_changelist")
            form = {"action": action, "_selected_action": [pk], "confirmed": "yes"}
            answer = browser.post(place, form, follow=True)
            assert "It is paused. " in " ".join(map(str, answer.context["messages"])), action

    def test_let_nobody_take_over_what_they_may_not_make(self, world):
        thing = AnOutgoingWebhook(world, "https://192.0.2.1/hook")
        operator = make_person("operator", is_staff=True)
        operator.user_permissions.set(rights("chat.change_webhook", "chat.view_webhook"))
        place = reverse("admin:chat_webhook_changelist")
        answer = do(browser_of(operator), place, "take_over", thing)
        said = " ".join(str(message) for message in answer.context["messages"])
        row = Webhook.objects.get()
        assert (row.owner_id, row.secret) == (world.max.pk, thing.row.secret)
        assert row.secret not in said


def do(browser: Client, place: str, action: str, thing: Thing) -> Any:
    form = {"action": action, "_selected_action": [thing.row.pk], "confirmed": "yes"}
    return browser.post(place, form, follow=True)
