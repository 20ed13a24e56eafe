"""The audit log: what gets into it, that nothing gets in twice, and that damage is found."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from chat.audit.chain import NOTHING_BEFORE, read_head
from chat.audit.entries import fingerprint
from chat.audit.verifying import HANDLED_MARGIN
from chat.events.facts import record_fact
from chat.models import AuditEntry, Chat, User
from chat.models.audit import AppendOnlyError
from chat.services.messages import delete_message, edit_message
from messaging.handling.dispatch import handle_once
from messaging.handling.embedded import event_of
from messaging.handling.registry import MAIN_GROUP, registry
from messaging.models import HandledEvent
from messaging.outbox.rows import read_waiting
from messaging.signals import operated
from tests.support.audit import install_guard
from tests.support.bus_parts import handle_waiting
from tests.support.people import make_person, post

pytestmark = pytest.mark.django_db


def entries(*actions: str) -> list[AuditEntry]:
    found = AuditEntry.objects.order_by("place")
    return list(found.filter(action__in=actions) if actions else found)


def details_of(entry: AuditEntry) -> dict[str, Any]:
    return dict(json.loads(entry.details))


def damage(statement: str, *parameters: str | int) -> None:
    """By hand, past everything that refuses it."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def verify(*arguments: str) -> dict[str, Any]:
    """What the command says as JSON, and that its exit code fits."""
    out = StringIO()
    code = 0
    try:
        call_command("audit_verify", "--json", *arguments, stdout=out)
    except SystemExit as end:
        code = int(end.code or 0)
    report: dict[str, Any] = json.loads(out.getvalue())
    assert code == (0 if report["is_whole"] else 3)
    return report


def damages(*arguments: str) -> list[tuple[str, int | None]]:
    return [(found["kind"], found["place"]) for found in verify(*arguments)["damages"]]


class TestAuditOfMessages:
    def test_says_who_did_what_to_which_message(self, chat: Chat, ann: User):
        posted = post(chat, ann, "Hello")
        edit_message(actor=ann, message_id=posted.message_id, content="Good day")
        delete_message(actor=ann, message_id=posted.message_id)
        handle_waiting()
        found = entries("message.created", "message.edited", "message.deleted")
        assert [(e.action, e.actor_id, e.chat_id, e.target_id) for e in found] == [
            (f"message.{action}", ann.pk, chat.pk, str(posted.message_id))
            for action in ("created", "edited", "deleted")
        ]
        assert [details_of(e)["revision"] for e in found] == [1, 2, 3]

    def test_keeps_a_fingerprint_and_never_the_words(self, chat: Chat, ann: User):
        first, second = post(chat, ann, "a secret"), post(chat, ann, "a secret")
        handle_waiting()
        one, two = (details_of(e) for e in entries("message.created"))
        assert one["words"] == fingerprint(str(first.message_id), "a secret") != two["words"]
        assert two["words"] == fingerprint(str(second.message_id), "a secret")
        assert not any("secret" in str(row) for row in AuditEntry.objects.values())

    def test_a_message_that_the_owner_deletes_was_deleted_by_the_owner(
        self, chat: Chat, ann: User, bob: User
    ):
        posted = post(chat, bob)
        delete_message(actor=ann, message_id=posted.message_id)
        handle_waiting()
        (entry,) = entries("message.deleted")
        assert entry.actor_id == ann.pk


class TestAuditOfFacts:
    def test_says_what_the_fact_says(self):
        ann = make_person("ann")
        record_fact(
            "test.done", actor=ann, chat_id=7, target=("person", 9), details={"role": "member"}
        )
        handle_waiting()
        (entry,) = entries()
        assert (entry.action, entry.actor_id, entry.actor_name) == (
            "test.done",
            ann.pk,
            ann.name,
        )
        assert (entry.chat_id, entry.target_type, entry.target_id) == (7, "person", "9")
        assert details_of(entry) == {"role": "member"}

    def test_says_what_an_operator_did_to_the_bus(self):
        operated.send(
            sender=None,
            action="dead_letter.discarded",
            target=("dead_letter", 5),
            details={"reason": "a test"},
            actor="deploy@web-1",
        )
        handle_waiting()
        (entry,) = entries()
        assert (entry.action, entry.actor_name) == ("dead_letter.discarded", "deploy@web-1")
        assert (entry.target_type, entry.target_id) == ("dead_letter", "5")


class TestChain:
    def test_gives_places_without_holes_each_sealed_with_the_one_before(self):
        write(5)
        found = entries()
        assert [e.place for e in found] == [1, 2, 3, 4, 5]
        assert [e.previous_hash for e in found] == [NOTHING_BEFORE, *(e.hash for e in found[:-1])]

    def test_adds_nothing_when_everything_comes_again(self, chat: Chat, ann: User):
        post(chat, ann)
        record_fact("test.done", actor=ann)
        rows = read_waiting(limit=1000)
        handle_waiting()
        before = list(AuditEntry.objects.order_by("place").values())
        handlers = [
            h
            for topic in registry.topics(MAIN_GROUP)
            for h in registry.handlers(topic, MAIN_GROUP)
            if h.name == "audit"
        ]
        for _ in range(2):
            with transaction.atomic():  # past the handled events, as a replay does it
                for handler in handlers:
                    handler.function([event_of(r) for r in rows if r.topic == handler.topic])
            handle_once([event_of(row) for row in rows], handlers, group=MAIN_GROUP)
        assert list(AuditEntry.objects.order_by("place").values()) == before

    def test_can_be_computed_with_other_tools(self):
        """As docs/operations.md describes it."""
        import hashlib

        write(1)
        (e,) = entries()

        def moment(value: Any) -> str:
            return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")

        fields = [
            *("webchat-audit-1", e.place, e.previous_hash, str(e.event_id)),
            *(moment(e.happened_at), moment(e.recorded_at), e.action, e.actor_id, e.actor_name),
            *(e.chat_id, e.target_type, e.target_id, e.details),
        ]
        text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
        assert e.hash == hashlib.sha256(text.encode()).hexdigest()


def write(count: int) -> None:
    for number in range(1, count + 1):
        record_fact("test.written", actor=None, target=("test", number), details={"ж": '"\n'})
    handle_waiting()


class TestAppendOnly:
    def test_the_model_refuses_changes(self):
        write(1)
        (entry,) = entries()
        for change in (
            entry.save,
            entry.delete,
            AuditEntry.objects.all().delete,
            lambda: AuditEntry.objects.update(action="x"),
        ):
            with pytest.raises(AppendOnlyError):
                change()

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE chat_auditentry SET action = 'x.y'",
            "DELETE FROM chat_auditentry",
            pytest.param("TRUNCATE chat_auditentry", marks=pytest.mark.postgresql),
        ],
    )
    def test_the_database_refuses_changes(self, statement: str):
        write(1)
        install_guard()
        with (
            pytest.raises(IntegrityError, match="append-only"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
        write(1)
        assert len(entries()) == 2


class TestVerify:
    @pytest.fixture(autouse=True)
    def six_entries(self) -> None:
        write(6)

    def test_says_that_it_is_whole_and_which_is_its_head(self):
        report = verify("--expect-head", str(read_head()))
        assert (report["is_whole"], report["entries"]) == (True, 6)
        assert (report["head"]["place"], report["head"]["hash"]) == read_head()

    @pytest.mark.parametrize(
        ("column", "value"),
        [
            ("action", "message.created"),
            ("actor_id", 99),
            ("actor_name", "mallory"),
            ("chat_id", 99),
            ("target_type", "chat"),
            ("target_id", "99"),
            ("details", "{}"),
            ("event_id", "0" * 32),
            ("happened_at", "2026-01-01 00:00:00+00"),
            ("recorded_at", "2026-01-01 00:00:00+00"),
        ],
    )
    def test_finds_a_change_of_any_column(self, column: str, value: str | int):
        given = value if column != "event_id" or connection.vendor == "sqlite" else str(uuid4())
        damage(f"UPDATE chat_auditentry SET {column} = %s WHERE place = 3", given)
        assert ("changed", 3) in damages()

    def test_finds_a_changed_hash(self):
        damage("UPDATE chat_auditentry SET hash = %s WHERE place = 3", "0" * 64)
        assert damages() == [("changed", 3), ("unlinked", 4)]

    def test_finds_an_entry_that_was_sealed_anew(self):
        reseal(3, details='{"forged":true}')
        assert damages() == [("unlinked", 4)]

    def test_finds_removed_entries(self):
        damage("DELETE FROM chat_auditentry WHERE place IN (2, 3)")
        assert ("removed", 2) in damages()

    def test_finds_a_removal_that_was_hidden_by_new_places(self):
        damage("DELETE FROM chat_auditentry WHERE place = 3")
        for place in (4, 5, 6):
            damage("UPDATE chat_auditentry SET place = %s WHERE place = %s", place - 1, place)
        found = damages()
        assert ("unlinked", 3) in found
        assert ("changed", 3) in found

    def test_finds_swapped_entries(self):
        for old, new in ((3, 99), (4, 3), (99, 4)):
            damage("UPDATE chat_auditentry SET place = %s WHERE place = %s", new, old)
        assert {("changed", 3), ("changed", 4)} <= set(damages())

    def test_finds_an_entry_that_was_put_in(self):
        for place in (6, 5, 4):
            damage("UPDATE chat_auditentry SET place = %s WHERE place = %s", place + 1, place)
        copy_entry(3, to=4)
        assert ("changed", 4) in damages()

    def test_finds_what_was_cut_off_the_end_by_a_head_that_was_noted(self):
        head = str(read_head())
        HandledEvent.objects.all().delete()
        damage("DELETE FROM chat_auditentry WHERE place > 4")
        assert damages() == []
        assert damages("--expect-head", head) == [("removed", 6)]

    def test_finds_what_was_cut_off_the_end_by_what_was_handled(self):
        lost = {str(e.event_id) for e in entries() if e.place > 4}
        damage("DELETE FROM chat_auditentry WHERE place > 4")
        assert {found["event_id"] for found in verify()["damages"]} == lost

    def test_finds_a_chain_that_was_sealed_anew_to_its_end(self):
        head = str(read_head())
        reseal(4, details='{"forged":true}')
        for place in (5, 6):
            reseal(place)
        assert damages() == []
        assert damages("--expect-head", head) == [("resealed", 6)]

    def test_finds_an_entry_that_was_added_at_the_end_by_hand(self):
        early = timezone.now() - 2 * HANDLED_MARGIN
        first = HandledEvent.objects.filter(handler="audit").earliest("pk")
        HandledEvent.objects.filter(pk=first.pk).update(handled_at=early)
        copy_entry(6, to=7)
        reseal(7)
        assert damages() == [("put_in", 7)]

    def test_begins_where_it_is_told(self):
        damage("UPDATE chat_auditentry SET action = 'x.y' WHERE place = 2")
        report = verify("--from", "3")
        assert (report["is_whole"], report["entries"]) == (True, 4)
        damage("UPDATE chat_auditentry SET details = 'x' WHERE place = 3")
        assert damages("--from", "3") == [("changed", 3)]

    def test_reads_on_where_a_step_ends(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("chat.audit.verifying.STEP", 2)
        assert verify()["entries"] == 6

    def test_says_it_in_words(self):
        damage("UPDATE chat_auditentry SET action = 'x.y' WHERE place = 2")
        out = StringIO()
        with pytest.raises(SystemExit):
            call_command("audit_verify", stdout=out)
        assert "Place 2 does not match its hash" in out.getvalue()
        assert f"6 entries: 1 damages. Head {read_head()}" in out.getvalue()

    @pytest.mark.parametrize("given", ["7", "0:" + "a" * 64, "7:short", "7:" + "G" * 64])
    def test_asks_for_heads_as_it_prints_them(self, given: str):
        with pytest.raises(CommandError, match="is not PLACE:HASH"):
            call_command("audit_verify", "--expect-head", given)


def reseal(place: int, **changes: Any) -> None:
    """As somebody would who knows how entries are sealed."""
    from chat.audit.chain import Entry

    row = AuditEntry.objects.values_list(*Entry._fields).get(place=place)
    before = AuditEntry.objects.get(place=place - 1)
    entry = Entry._make(row)._replace(previous_hash=before.hash, **changes).sealed()
    damage(
        "UPDATE chat_auditentry SET previous_hash = %s, hash = %s, details = %s WHERE place = %s",
        *(entry.previous_hash, entry.hash, entry.details, place),
    )


def copy_entry(place: int, *, to: int) -> None:
    row: dict[str, Any] = dict(AuditEntry.objects.filter(place=place).values().get())
    AuditEntry.objects.create(**row | {"id": None, "event_id": uuid4(), "place": to})
