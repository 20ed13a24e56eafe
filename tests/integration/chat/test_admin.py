"""The staff's pages: who may see and do what, for every model and every action there is."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format

from chat.errors import ForbiddenError, NotFoundError
from chat.models import ActivityCount, AuditEntry, Message, User, Webhook, WebProcess
from chat.staff.groups import GROUPS
from chat.webhooks.outgoing import create_webhook
from messaging.models import ConsumerState, DeadLetter, OutboxEvent
from messaging.operating.staff import MAX_COUNTED, ReadOnlyAdmin
from tests.support.people import browser_of, make_group, make_person, post_text
from tests.support.staff import MAKE, SECRET, WORDS, make_row, staff_of, staff_with

pytestmark = pytest.mark.django_db

PAGES: list[Any] = list(admin.site._registry.values())

# Which right each action needs. An action that is not here fails the tests.
ACTIONS = {
    "chat.user.ban": "chat.ban_user",
    "chat.user.unban": "chat.ban_user",
    "chat.user.set_rights": "chat.change_user",
    "chat.message.hide": "chat.hide_message",
    "chat.message.restore": "chat.hide_message",
    "chat.webhook.try_out": "chat.change_webhook",
    "chat.webhook.switch_on": "chat.change_webhook",
    "chat.webhook.switch_off": "chat.change_webhook",
    "chat.webhook.rotate": "chat.change_webhook",
    "chat.webhook.take_over": "chat.change_webhook",
    "chat.webhook.remove": "chat.change_webhook",
    "chat.webhookdelivery.send_again": "chat.change_webhook",
    "chat.webhookdelivery.give_up": "chat.change_webhook",
    "chat.incomingwebhook.take_over": "chat.change_incomingwebhook",
    "chat.incomingwebhook.revoke": "chat.change_incomingwebhook",
    "messaging.outboxevent.retry": "messaging.operate_outbox",
    "messaging.outboxevent.cancel": "messaging.operate_outbox",
    "messaging.deadletter.retry": "messaging.operate_deadletter",
    "messaging.deadletter.retry_key": "messaging.operate_deadletter",
    "messaging.deadletter.discard": "messaging.operate_deadletter",
}


def label(page: Any) -> str:
    return str(page.opts.label_lower)


def view_right(page: Any) -> str:
    return f"{page.opts.app_label}.view_{page.opts.model_name}"


def address(page: Any, name: str = "changelist", *arguments: Any) -> str:
    return reverse(f"admin:{page.opts.app_label}_{page.opts.model_name}_{name}", args=arguments)


def actions_of(page: Any) -> dict[str, Any]:
    return {
        f"{label(page)}.{action.__name__}": action
        for action in (getattr(page, str(name)) for name in page.actions or ())
    }


every_page = pytest.mark.parametrize("page", PAGES, ids=label)


class TestEveryPage:
    def test_has_a_row_to_be_tested_with(self):
        assert {page.model for page in PAGES} == MAKE.keys()

    @every_page
    def test_is_closed_to_everyone_else(self, page):
        row = make_row(page.model)
        for person in (None, make_person("ann")):
            answer = browser_of(person).get(address(page))
            assert answer.status_code in {302, 403}, person
        without_rights = browser_of(staff_with())
        for place in (address(page), address(page, "change", row.pk), address(page, "add")):
            assert without_rights.get(place).status_code == 403

    @pytest.mark.embedded
    @every_page
    def test_is_shown_to_those_with_the_right_and_not_changed_by_them(self, page):
        row = make_row(page.model)
        before = type(row)._default_manager.filter(pk=row.pk).values().get()
        browser = browser_of(staff_with(view_right(page)))
        assert browser.get(address(page)).status_code == 200
        assert browser.get(address(page, "change", row.pk)).status_code == 200
        assert browser.get(address(page, "add")).status_code == 403
        assert browser.post(address(page, "add"), {}).status_code == 403
        assert browser.post(address(page, "change", row.pk), {}).status_code == 403
        assert browser.post(address(page, "delete", row.pk), {"post": "yes"}).status_code == 403
        form = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
        browser.post(address(page), form)
        assert type(row)._default_manager.filter(pk=row.pk).values().get() == before

    @every_page
    def test_shows_no_secret_and_no_words_without_their_right(self, page):
        row = make_row(page.model)
        browser = browser_of(staff_with(view_right(page)))
        for place in (address(page), address(page, "change", row.pk)):
            shown = browser.get(place).content.decode()
            assert SECRET[:8] not in shown
            assert WORDS not in shown

    @pytest.mark.embedded
    @every_page
    def test_answers_no_question_about_a_column_but_by_its_filters(self, page):
        make_row(page.model)
        right = view_right(page)
        browser = browser_of(staff_with(right))
        for field in page.opts.concrete_fields:
            for lookup in ("startswith", "contains", "gt", "in", "regex", "isnull"):
                answer = browser.get(address(page), {f"{field.name}__{lookup}": "1"})
                assert answer.status_code == 400, f"{field.name}__{lookup}"

    @pytest.mark.embedded
    @every_page
    def test_takes_what_each_of_its_filters_offers(self, page):
        make_row(page.model)
        browser = browser_of(staff_with(view_right(page)))
        links = re.findall(
            r'<li>\s*<a href="(\?[^"]+)"', browser.get(address(page)).content.decode()
        )
        offered = [unescape(link) for link in links]
        assert bool(offered) == bool(page.list_filter)
        for link in offered:
            assert browser.get(address(page) + link).status_code == 200, link

    @pytest.mark.embedded
    @every_page
    def test_needs_as_many_queries_for_a_dozen_rows_as_for_two(self, page):
        browser = browser_of(make_person("root", is_superuser=True, is_staff=True))
        counts = []
        for more in (2, 10):
            for _ in range(more):
                make_row(page.model)
            browser.get(address(page))
            with CaptureQueriesContext(
                connection,
            ) as queries:
                assert browser.get(address(page)).status_code == 200
            counts.append(len(queries))
        assert counts[0] == counts[1], [query["sql"] for query in queries]

    @pytest.mark.embedded
    @every_page
    def test_counts_no_more_than_it_pages_through(self, page):
        make_row(page.model)
        browser = browser_of(make_person("root", is_superuser=True, is_staff=True))
        with CaptureQueriesContext(connection) as queries:
            browser.get(address(page))
        counting = [
            sql
            for sql in (query["sql"] for query in queries)
            if "COUNT(*)" in sql and f'FROM "{page.opts.db_table}"' in sql
        ]
        assert counting
        assert not [sql for sql in counting if f"LIMIT {MAX_COUNTED}" not in sql]

    @every_page
    def test_finds_nothing_by_words_that_mean_nothing(self, page):
        make_row(page.model)
        browser = browser_of(make_person("root", is_superuser=True, is_staff=True))
        for words in ("'; DROP TABLE chat_user;--", "chat:x", "\0", "9" * 40, "%", "1:2:3", "@"):
            answer = browser.get(address(page), {"q": words})
            assert answer.status_code == 200, words
        own = {getattr(each, "parameter_name", each) for each in page.list_filter}
        for name in ("state", "fault", "span", "age", "topic", "about"):
            expected = {200, 302} if name in own else {400}
            assert browser.get(address(page), {name: "|"}).status_code in expected, name


@pytest.mark.embedded
class TestEveryAction:
    ALL = [pytest.param(page, name, id=name) for page in PAGES for name in sorted(actions_of(page))]

    @pytest.mark.parametrize(("page", "name"), ALL)
    def test_is_for_those_with_its_right_alone_and_asks_first(self, page, name):
        needed = ACTIONS[name]
        assert actions_of(page)[name].permission == needed
        row = make_row(page.model)
        kept = type(row)._default_manager.filter(pk=row.pk)
        before = kept.values().get()
        form = {"action": name.rpartition(".")[2], "_selected_action": [row.pk]}
        answers = {"confirmed": "yes", "reason": "a test"}

        others = sorted({*ACTIONS.values(), view_right(page)} - {needed})
        outsider = browser_of(staff_with(*others))
        assert outsider.post(address(page), form | answers).status_code in {200, 302}
        assert kept.values().get() == before

        browser = browser_of(staff_with(view_right(page), needed))
        asked = browser.post(address(page), form)
        assert asked.status_code == 200
        assert 'name="confirmed"' in asked.content.decode()
        assert kept.values().get() == before
        assert browser.post(address(page), form | answers).status_code == 302


@pytest.mark.embedded
class TestGroups:
    @pytest.mark.parametrize("name", GROUPS)
    def test_see_and_do_exactly_what_is_theirs(self, name):
        person = staff_of(name)
        assert set(person.get_all_permissions()) == GROUPS[name]
        browser = browser_of(person)
        for page in PAGES:
            expected = 200 if view_right(page) in GROUPS[name] else 403
            assert browser.get(address(page)).status_code == expected, label(page)

    def test_of_auditors_change_nothing_and_read_no_words(self):
        assert {right.split(".")[1].split("_")[0] for right in GROUPS["Auditors"]} == {"view"}

    def test_of_operators_make_no_webhook_to_read_by(self):
        person, chat = staff_of("Operators"), make_group(make_person("ann"))
        browser = browser_of(person)
        form = {"name": "Mine", "url": "https://192.0.2.1/hook"}
        for given in ({}, {"chat": chat.pk}):
            answer = browser.post(reverse("admin:chat_webhook_add"), form | given)
            assert answer.status_code == 200
            assert "errornote" in answer.content.decode()
            with pytest.raises((ForbiddenError, NotFoundError)):
                create_webhook(actor=person, chat_id=given.get("chat"), **form)
        assert not Webhook.objects.exists()

    def test_of_operators_read_no_messages(self):
        assert not {"chat.view_message", "chat.read_all_messages"} & GROUPS["Operators"]


class TestMessagePage:
    @pytest.fixture
    def message(self) -> Message:
        ann, bob = make_person("ann"), make_person("bob")
        chat = make_group(ann, bob)
        post_text(chat, bob, "the one before")
        return post_text(chat, ann, WORDS)

    @pytest.fixture
    def moderator(self) -> User:
        return staff_of("Moderators")

    def ask(self, person: User, action: str, message: Message, **answers: str) -> Any:
        form = {"action": action, "_selected_action": [message.pk], **answers}
        return browser_of(person).post(reverse("admin:chat_message_changelist"), form)

    def test_shows_the_words_among_their_neighbours_to_moderators(self, message, moderator):
        page = browser_of(moderator).get(reverse("admin:chat_message_change", args=[message.pk]))
        shown = page.content.decode()
        assert WORDS in shown
        assert "the one before" in shown

    def test_hides_after_a_reason_and_goes_back_to_where_it_was_asked(self, message, moderator):
        asked = self.ask(moderator, "hide", message, confirmed="yes", reason=" ")
        assert asked.status_code == 200
        message.refresh_from_db()
        assert not message.is_hidden
        back = reverse("admin:chat_message_change", args=[message.pk])
        answer = self.ask(moderator, "hide", message, confirmed="yes", reason="spam", back=back)
        assert answer["Location"] == back
        message.refresh_from_db()
        assert (message.is_hidden, message.hidden_by) == (True, moderator)
        self.ask(moderator, "restore", message, confirmed="yes", reason="a mistake")
        message.refresh_from_db()
        assert not message.is_hidden

    def test_never_goes_back_to_a_foreign_page(self, message, moderator):
        back = "https://example.org/"
        answer = self.ask(moderator, "hide", message, confirmed="yes", reason="spam", back=back)
        assert not answer["Location"].startswith("http")

    def test_says_why_it_was_not_done(self, message, moderator):
        Message.objects.filter(pk=message.pk).update(deleted_at=message.created_at)
        self.ask(moderator, "hide", message, confirmed="yes", reason="spam")
        browser = browser_of(moderator)
        form = {"action": "hide", "_selected_action": [message.pk], "confirmed": "yes"}
        page = browser.post(
            reverse("admin:chat_message_changelist"), form | {"reason": "spam"}, follow=True
        )
        assert "nothing to hide" in page.content.decode()

    @pytest.mark.parametrize("words", ["{m.pk}", "{m.chat_id}:{m.seq}", "chat:{m.chat_id} @{who}"])
    def test_is_found_by_what_staff_knows(self, message, moderator, words):
        wanted = words.format(m=message, who=message.sender.username)
        page = browser_of(moderator).get(reverse("admin:chat_message_changelist"), {"q": wanted})
        assert [row.pk for row in page.context["cl"].result_list] == [message.pk]

    @pytest.mark.embedded
    def test_refuses_more_than_it_can_do_in_a_request(self, message, moderator):
        chat, sender = message.chat, message.sender
        ids = [message.pk, *(post_text(chat, sender, str(n)).pk for n in range(100))]
        form = {"action": "hide", "_selected_action": ids, "confirmed": "yes", "reason": "spam"}
        browser_of(moderator).post(reverse("admin:chat_message_changelist"), form)
        assert not Message.objects.filter(hidden_at__isnull=False).exists()


class TestDeadLetterPage:
    def test_shows_bytes_and_traceback_to_those_who_may_read_them(self):
        letter = make_row(DeadLetter)
        page = browser_of(staff_of("Operators")).get(
            reverse("admin:messaging_deadletter_change", args=[letter.pk])
        )
        shown = page.content.decode()
        assert WORDS in shown
        assert "not JSON" in shown  # what the schema says of it

    def test_takes_the_whole_of_a_chat_along_in_order(self):
        letters = [make_row(DeadLetter) for _ in range(3)]
        form = {"action": "retry_key", "_selected_action": [letters[1].pk]}
        asked = browser_of(staff_of("Operators")).post(
            reverse("admin:messaging_deadletter_changelist"), form
        )
        chosen = re.findall(r'name="_selected_action" value="(\d+)"', asked.content.decode())
        assert sorted(map(int, chosen)) == [letter.pk for letter in letters]

    def test_counts_what_went_wrong(self):
        make_row(DeadLetter)
        make_row(DeadLetter)
        page = browser_of(staff_of("Operators")).get(
            reverse("admin:messaging_deadletter_changelist")
        )
        assert "chat-messages · audit · ValueError (2)" in page.content.decode()


def lines_of(answer: Any) -> list[str]:
    """Of a file that is made while it is sent."""

    async def read() -> bytes:
        return b"".join([piece async for piece in answer.streaming_content])

    return async_to_sync(read)().decode().splitlines()


@pytest.mark.embedded
class TestExport:
    def test_gives_what_the_filters_leave_without_formulas(self):
        make_row(AuditEntry)
        browser = browser_of(staff_of("Auditors"))
        address = reverse("admin:chat_auditentry_export")
        answer = browser.get(address, {"q": "message:12"})
        assert answer["Content-Type"].startswith("text/csv")
        head, row, *rest = lines_of(answer)
        assert head.lstrip("\ufeff").startswith('"place","event_id"')
        assert ',"\'=cmd()",' in row
        assert not rest
        assert len(lines_of(browser.get(address, {"q": "message:13"}))) == 1

    def test_of_activity_is_of_one_span(self):
        make_row(ActivityCount)
        answer = browser_of(staff_of("Operators")).get(reverse("admin:chat_activitycount_export"))
        assert len(lines_of(answer)) == 2
        answer = browser_of(staff_of("Operators")).get(
            reverse("admin:chat_activitycount_export"), {"span": "hour"}
        )
        assert len(lines_of(answer)) == 1

    def test_goes_through_more_than_a_page_in_the_list_s_order(self, monkeypatch):
        monkeypatch.setattr("chat.admin.export.PAGE", 2)
        places = [make_row(AuditEntry).pk for _ in range(5)]
        answer = browser_of(staff_of("Auditors")).get(reverse("admin:chat_auditentry_export"))
        assert [int(line.split('"')[1]) for line in lines_of(answer)[1:]] == places[::-1]

    def test_is_closed_without_the_right_to_look(self):
        for name in ("admin:chat_auditentry_export", "admin:chat_activitycount_export"):
            assert browser_of(staff_with()).get(reverse(name)).status_code == 403


class TestSite:
    def test_signs_people_in_on_the_chats_own_page_and_back(self):
        answer = browser_of(None).get("/admin/chat/message/", follow=False)
        assert answer["Location"] == "/admin/login/?next=/admin/chat/message/"
        answer = browser_of(None).get(answer["Location"])
        assert answer["Location"] == "/sign-in?next=/admin/chat/message/"

    def test_tells_those_who_are_no_staff_that_it_is_not_for_them(self):
        browser = browser_of(make_person("ann"))
        assert browser.get("/admin/", follow=True).status_code == 403

    def test_says_how_things_stand_to_those_who_may_see_the_lists(self):
        make_row(DeadLetter)
        shown = browser_of(staff_of("Operators")).get("/admin/").content.decode()
        assert "?status__exact=open" in shown
        assert "Dead letters" in shown
        assert (
            "?status__exact=open"
            not in browser_of(staff_of("Moderators")).get("/admin/").content.decode()
        )

    def test_says_since_when_nobody_has_read_and_what_to_start(self, settings):
        settings.MESSAGE_BUS = "kafka"
        state = make_row(ConsumerState)
        minute = timezone.now() - timedelta(minutes=1)
        ConsumerState.objects.filter(pk=state.pk).update(seen_at=minute)
        shown = browser_of(staff_of("Operators")).get("/admin/").content.decode()
        since = date_format(timezone.localtime(minute), "SHORT_DATETIME_FORMAT")
        assert f"Nobody has read for webchat-group since {since}; 0 events are unread" in shown
        assert "start manage.py run_kafka_consumer --group webchat-group." in shown

    def test_says_how_far_behind_the_slowest_group_is(self, settings):
        settings.MESSAGE_BUS = "kafka"
        for seconds in (5, 90):
            state = make_row(ConsumerState)
            ConsumerState.objects.filter(pk=state.pk).update(
                lag_records=seconds * 10, lag_seconds=seconds
            )
        shown = browser_of(staff_of("Operators")).get("/admin/").content.decode()
        assert "<strong>900</strong>" in shown
        assert "webchat-group is 90 s behind" in shown

    def test_counts_the_people_of_all_web_processes_that_live(self):
        for seconds_ago, people in ((1, 40), (2, 2), (60, 500)):
            row = make_row(WebProcess)
            seen_at = timezone.now() - timedelta(seconds=seconds_ago)
            WebProcess.objects.filter(pk=row.pk).update(people=people, seen_at=seen_at)
        shown = browser_of(staff_of("Operators")).get("/admin/").content.decode()
        assert "<strong>42</strong>" in shown
        assert "2 web processes" in shown

    def test_speaks_russian(self):
        person = staff_of("Operators")
        person.language = "ru"
        person.save(update_fields=["language"])
        shown = browser_of(person).get("/admin/").content.decode()
        assert "Как идут дела" in shown
        assert "Мёртвые письма" in shown


class TestOutboxPage:
    def test_keeps_what_events_say_to_those_who_may_read_it(self):
        row = make_row(OutboxEvent)
        address = reverse("admin:messaging_outboxevent_change", args=[row.pk])
        assert WORDS not in browser_of(staff_of("Operators")).get(address).content.decode()
        reader = staff_with("messaging.view_outboxevent", "messaging.read_outbox_payload")
        assert WORDS in browser_of(reader).get(address).content.decode()


def test_every_page_stands_on_the_read_only_base_or_says_why_not():
    assert not [label(page) for page in PAGES if not isinstance(page, ReadOnlyAdmin)]
