"""Pictures and files: uploaded, sent with a message, handed out to those who are in its chat."""

from __future__ import annotations

import errno
import io
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.conf import settings
from django.core.files.storage import FileSystemStorage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, connection, connections
from django.test import AsyncClient, Client
from django.utils import timezone
from PIL import Image

from chat.errors import ConflictError, NotFoundError
from chat.models import Attachment, Chat, Message, User
from chat.reads import history
from chat.reads.summaries import chat_summary
from chat.services import attachments
from chat.services.attachments import clean_file_name, delete_attachments, safe_type, store_upload
from chat.services.messages import delete_message, edit_message
from chat.services.posting.posting import post_messages
from messaging.contract.validation import check_message
from tests.support.people import (
    all_saved,
    ban,
    browser_of,
    make_group,
    make_person,
    message_events,
    new_post,
    post,
    remove,
    session_key,
)
from tests.support.pictures import DRAWS_FOR_EVER, plain

pytestmark = [pytest.mark.django_db, pytest.mark.long(on="services")]


@pytest.fixture(autouse=True)
def media(settings, tmp_path) -> Path:
    settings.MEDIA_ROOT = str(tmp_path / "media")
    return tmp_path / "media"


def files_in(media: Path) -> list[Path]:
    return [path for path in media.rglob("*") if path.is_file()]


def picture_bytes(size: tuple[int, int] = (900, 450), form: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, "teal").save(file, form)
    return file.getvalue()


def a_picture(name: str = "lake.png", size: tuple[int, int] = (900, 450)) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, picture_bytes(size), "image/png")


def a_file(name: str = "notes.pdf", content: bytes = b"%PDF-1.7 words") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, "application/pdf")


def uploaded(person: User, chat: Chat, file: SimpleUploadedFile | None = None) -> Attachment:
    return store_upload(uploader=person, chat_id=chat.pk, file=file or a_picture())


def sent(person: User, chat: Chat, content: str = "", **fields: Any) -> Attachment:
    attachment = uploaded(person, chat, **fields)
    post(chat, person, content, attachment_ids=(attachment.pk,))
    attachment.refresh_from_db()
    return attachment


def upload(browser: Client, chat: Chat, file: Any, **fields: Any) -> Any:
    return browser.post(f"/api/chats/{chat.pk}/attachments", {"file": file, **fields})


def url_of(attachment: Attachment, *, preview: bool = False) -> str:
    return f"/attachments/{attachment.pk}" + ("/preview" if preview else "")


def body_of(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


def get(browser: Client, url: str, **headers: str) -> Any:
    """Read to its end, where the file is closed."""
    answer = browser.get(url, headers=headers)
    if answer.streaming:
        body_of(answer)
    return answer


@pytest.mark.embedded
class TestUpload:
    def test_of_a_picture_says_what_is_needed_to_show_it(self, ann, chat, media):
        answer = upload(browser_of(ann), chat, a_picture())
        assert answer.status_code == 201
        shown = answer.json()["attachment"]
        row = Attachment.objects.get()
        assert shown == {
            "id": str(row.pk),
            "kind": "image",
            "name": "lake.png",
            "content_type": "image/png",
            "size": row.size,
            "width": 900,
            "height": 450,
            "url": f"/attachments/{row.pk}",
            "preview_url": f"/attachments/{row.pk}/preview",
        }
        assert sorted(path.parts[-4] for path in files_in(media)) == ["attachments", "previews"]

    def test_of_a_file_keeps_it_as_it_is(self, ann, chat, media):
        shown = upload(browser_of(ann), chat, a_file()).json()["attachment"]
        assert (shown["kind"], shown["name"]) == ("file", "notes.pdf")
        assert (shown["width"], shown["preview_url"]) == (None, shown["url"])
        (kept,) = files_in(media)
        assert kept.read_bytes() == b"%PDF-1.7 words"
        assert "notes" not in kept.name

    def test_decides_by_content_what_it_is(self, ann, chat):
        page = SimpleUploadedFile("cat.png", b"<script>alert(1)</script>", "image/png")
        hidden = SimpleUploadedFile("page.html", picture_bytes(), "text/html")
        browser = browser_of(ann)
        first = upload(browser, chat, page).json()["attachment"]
        second = upload(browser, chat, hidden).json()["attachment"]
        assert (first["kind"], first["content_type"]) == ("file", "application/octet-stream")
        assert (second["kind"], second["content_type"]) == ("image", "image/png")
        assert second["name"] == "page.png"

    def test_larger_than_the_limit_is_refused(self, ann, chat, settings, media):
        settings.UPLOAD_MAX_MEGABYTES = 1
        answer = upload(browser_of(ann), chat, a_file(content=b"x" * 1_000_001))
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
        assert "1 MB" in answer.json()["error"]["detail"]
        assert upload(browser_of(ann), chat, a_file(content=b"x" * 1_000_000)).status_code == 201
        assert len(files_in(media)) == Attachment.objects.count() == 1

    def test_of_nothing_is_refused(self, ann, chat):
        answer = upload(browser_of(ann), chat, a_file(content=b""))
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "empty")

    @pytest.mark.parametrize("fields", [{}, {"file": "words"}, {"other": "x"}])
    def test_without_a_file_is_refused(self, ann, chat, fields):
        answer = browser_of(ann).post(f"/api/chats/{chat.pk}/attachments", fields)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request")
        assert "file" in answer.json()["error"]["detail"]

    def test_of_two_at_once_is_refused(self, ann, chat, media):
        assert upload(browser_of(ann), chat, [a_file(), a_picture()]).status_code == 400
        assert files_in(media) == []

    def test_to_a_chat_that_one_is_not_in_is_refused(self, ann, bob, chat, media):
        eve = make_person("eve")
        remove(chat, bob)
        for person in (eve, bob):
            assert upload(browser_of(person), chat, a_picture()).status_code == 404
        assert upload(browser_of(None), chat, a_picture()).status_code == 401
        assert (Attachment.objects.count(), files_in(media)) == (0, [])

    def test_stops_when_too_many_wait_to_be_sent(self, ann, chat, settings):
        settings.LIMIT_UNSENT_UPLOADS = 2
        uploaded(ann, chat)
        sent(ann, chat)
        uploaded(ann, chat)
        with pytest.raises(ConflictError):
            uploaded(ann, chat)

    def test_so_often_a_minute_and_no_more(self, ann, bob, chat, settings):
        settings.LIMIT_UPLOADS_PER_MINUTE = 2
        browser = browser_of(ann)
        statuses = [upload(browser, chat, a_file()).status_code for _ in range(3)]
        assert statuses == [201, 201, 429]
        assert upload(browser_of(bob), chat, a_file()).status_code == 201

    def test_leaves_no_file_behind_when_its_row_is_refused(self, ann, chat, media, monkeypatch):
        def refuse(*args: Any, **fields: Any) -> None:
            raise DatabaseError("the database is read-only")

        monkeypatch.setattr(Attachment, "save", refuse)
        with pytest.raises(DatabaseError, match="read-only"):
            uploaded(ann, chat)
        assert files_in(media) == []

    @pytest.mark.parametrize("file", [a_file, a_picture])
    def test_leaves_nothing_behind_when_the_disk_is_full(self, ann, chat, media, monkeypatch, file):
        save: Any = getattr(FileSystemStorage, "_save")  # noqa: B009  (no public name)

        def break_off(self: FileSystemStorage, *arguments: Any) -> None:
            save(self, *arguments)
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(FileSystemStorage, "_save", break_off)
        answer = upload(browser_of(ann), chat, file())
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")
        assert int(answer["Retry-After"]) > 0
        assert (files_in(media), Attachment.objects.count()) == ([], 0)

    def test_that_takes_too_much_is_not_kept_unseen(self, ann, chat, media, monkeypatch):
        monkeypatch.setattr("chat.pictures.process.CPU_SECONDS", 1)
        monkeypatch.setattr("chat.pictures.process._PROGRAM", ("-c", DRAWS_FOR_EVER))
        answer = upload(browser_of(ann), chat, SimpleUploadedFile("party.png", plain("PNG")))
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
        assert (files_in(media), Attachment.objects.count()) == ([], 0)

    def test_can_be_taken_back_by_its_uploader_alone(
        self, ann, bob, chat, media, django_capture_on_commit_callbacks
    ):
        own = uploaded(ann, chat)
        assert browser_of(bob).delete(f"/api{url_of(own)}").status_code == 404
        with django_capture_on_commit_callbacks(execute=True):
            assert browser_of(ann).delete(f"/api{url_of(own)}").status_code == 204
        assert browser_of(ann).delete(f"/api{url_of(own)}").status_code == 404
        assert files_in(media) == []

    def test_that_was_sent_cannot_be_taken_back(self, ann, chat):
        assert browser_of(ann).delete(f"/api{url_of(sent(ann, chat))}").status_code == 404
        assert Attachment.objects.count() == 1


@pytest.mark.django_db(transaction=True)
class TestManyUploadsAtOnce:
    @pytest.fixture(autouse=True)
    def closed_connections(self):
        yield
        connections.close_all()

    def test_of_one_person_are_no_more_than_may_wait(self, ann, chat, media, monkeypatch, settings):
        """All are let through by the first look; only as many as there is room for are kept."""
        settings.LIMIT_UNSENT_UPLOADS = 2
        all_here = threading.Barrier(5)

        def wait_for_all(*given: Any, **more: Any) -> None:
            all_here.wait(timeout=60)

        monkeypatch.setattr(attachments, "redraw", wait_for_all)

        def attempt(number: int) -> str:
            try:
                uploaded(ann, chat, a_file(f"{number}.txt"))
            except ConflictError:
                return "refused"
            finally:
                connections.close_all()
            return "kept"

        with ThreadPoolExecutor(5) as pool:
            outcomes = sorted(pool.map(attempt, range(5)))
        assert outcomes == ["kept"] * 2 + ["refused"] * 3
        assert len(files_in(media)) == Attachment.objects.count() == 2

    def test_hold_no_connection_while_a_picture_is_drawn(self, ann, chat, monkeypatch):
        held: list[bool] = []

        def look(*given: Any, **more: Any) -> None:
            held.append(connection.connection is not None)

        monkeypatch.setattr(attachments, "redraw", look)
        uploaded(ann, chat)
        assert held == [False]

    def test_by_who_is_removed_meanwhile_are_not_kept(self, ann, bob, chat, media, monkeypatch):
        monkeypatch.setattr(attachments, "redraw", lambda *given, **more: remove(chat, bob))
        with pytest.raises(NotFoundError):
            uploaded(bob, chat)
        assert (files_in(media), Attachment.objects.count()) == ([], 0)


@pytest.mark.embedded
class TestName:
    @pytest.mark.parametrize(
        ("given", "kept"),
        [
            ("Отчёт за май.pdf", "Отчёт за май.pdf"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\me\\photo.jpg", "photo.jpg"),
            ("photo\u202egpj.exe", "photogpj.exe"),
            ("a\r\nSet-Cookie: x\0.txt", "a Set-Cookie: x.txt"),
            ("👨‍👩‍👧.png", "👨‍👩‍👧.png"),
            (".htaccess", "htaccess"),
            ("x" * 300 + ".jpeg", "x" * 115 + ".jpeg"),
            ("a." + "y" * 300, "a." + "y" * 118),
            ("\ud800.txt", "txt"),
            ("  ..  ", "file"),
            ("", "file"),
        ],
    )
    def test_is_one_line_without_folders(self, given, kept):
        assert clean_file_name(given) == kept
        assert len(clean_file_name(given)) <= 120

    def test_gives_a_type_only_where_nothing_can_come_of_it(self):
        names = ("a.pdf", "a.txt", "a.html", "a.svg", "a.js", "a.xml", "a.pdf.gz", "a", "a.PDF")
        unknown = "application/octet-stream"
        assert [safe_type(name) for name in names] == [
            *("application/pdf", "text/plain"),
            *[unknown] * 6,
            "application/pdf",
        ]


class TestSending:
    def test_shows_it_with_the_message(self, ann, chat):
        first, second = uploaded(ann, chat, a_file()), uploaded(ann, chat)
        posted = post(chat, ann, "look", attachment_ids=(second.pk, first.pk))
        (message,) = history.newest_page(chat.pk)["messages"]
        assert message["id"] == posted.message_id
        assert [one["id"] for one in message["attachments"]] == [str(second.pk), str(first.pk)]
        plain = post(chat, ann, "nothing with it")
        newest = history.newest_page(chat.pk)["messages"][-1]
        assert newest["id"] == plain.message_id
        assert "attachments" not in newest

    def test_needs_no_words(self, ann, chat):
        sent(ann, chat)
        assert history.newest_page(chat.pk)["messages"][0]["content"] == ""

    @pytest.mark.parametrize("content", [" ", "\u200b", "a\0", "x" * 4001])
    def test_takes_no_words_that_could_not_stand_alone(self, ann, chat, content):
        own = uploaded(ann, chat)
        (refused,) = post_messages([new_post(chat, ann, content, attachment_ids=(own.pk,))])
        assert getattr(refused, "code", "") in {"empty", "bad_text", "too_long"}
        assert Attachment.objects.get().message_id is None

    def test_of_what_is_not_one_s_own_unsent_and_of_this_chat_is_refused(self, ann, bob, chat):
        elsewhere = make_group(ann, bob)
        wrong = [
            uploaded(bob, chat).pk,
            uploaded(ann, elsewhere).pk,
            sent(ann, chat).pk,
            uuid.uuid4(),
        ]
        for attachment_id in wrong:
            (refused,) = post_messages([new_post(chat, ann, "x", attachment_ids=(attachment_id,))])
            assert getattr(refused, "code", "") == "bad_request"
        assert Message.objects.filter(content="x").count() == 0
        chat.refresh_from_db()
        assert chat.last_seq == 1

    def test_again_finds_the_first_message(self, ann, chat):
        own = uploaded(ann, chat)
        again = new_post(chat, ann, "", attachment_ids=(own.pk,))
        first, second = all_saved(post_messages([again, again]))
        (third,) = all_saved(post_messages([again]))
        assert first.message_id == second.message_id == third.message_id
        assert (second.duplicate, third.duplicate) == (True, True)
        assert Attachment.objects.get().message_id == first.message_id

    def test_of_one_file_with_two_messages_of_a_batch_sends_it_once(self, ann, chat):
        own = uploaded(ann, chat)
        posts = [new_post(chat, ann, "x", attachment_ids=(own.pk,)) for _ in range(2)]
        first, second = post_messages(posts)
        assert not isinstance(first, Exception)
        assert getattr(second, "code", "") == "bad_request"

    def test_costs_a_message_without_files_no_query(self, ann, chat, django_assert_max_num_queries):
        post(chat, ann, "warm")
        with django_assert_max_num_queries(20) as found:
            post(chat, ann, "hello")
        assert not [query for query in found if "chat_attachment" in query["sql"]]

    def test_costs_a_page_of_history_the_same_however_many_there_are(
        self, ann, chat, django_assert_num_queries
    ):
        quoted = sent(ann, chat)
        post(chat, ann, "that", reply_to_id=quoted.message_id)
        with django_assert_num_queries(5):
            history.newest_page(chat.pk)
        for _ in range(4):
            sent(ann, chat)
            post(chat, ann, "that", reply_to_id=quoted.message_id)
        with django_assert_num_queries(5):
            history.newest_page(chat.pk)

    @pytest.mark.parametrize(
        "given", [5, "x", ["x"], [5], [None], {}, [[]], [str(uuid.uuid4())] * 2]
    )
    def test_with_a_wrong_list_is_refused(self, ann, chat, given):
        fields = {"client_message_id": str(uuid.uuid4()), "content": "x", "attachments": given}
        answer = browser_of(ann).post(
            f"/api/chats/{chat.pk}/messages", fields, content_type="application/json"
        )
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request")

    def test_takes_ten_and_no_more(self, ann, chat):
        def send(count: int) -> int:
            ids = [str(uploaded(ann, chat, a_file()).pk) for _ in range(count)]
            fields = {"client_message_id": str(uuid.uuid4()), "content": "", "attachments": ids}
            answer = browser_of(ann).post(
                f"/api/chats/{chat.pk}/messages", fields, content_type="application/json"
            )
            return answer.status_code

        assert (send(11), send(10)) == (400, 200)

    async def test_over_a_socket_reaches_the_others(self, ann, bob, connect, chat):
        from tests.integration.chat.conftest import in_thread

        own = await in_thread(uploaded, ann, chat)
        mine, theirs = await connect(ann), await connect(bob)
        fields = {"chat_id": chat.pk, "client_message_id": str(uuid.uuid4()), "content": ""}
        await mine.ask("message.send", **fields, attachments=[str(own.pk)])
        event = await theirs.next("message.created")
        assert [one["id"] for one in event["message"]["attachments"]] == [str(own.pk)]


class TestWithoutWords:
    """Where there is room for one line, what is shown stands for the words."""

    def test_is_named_in_the_list_of_chats(self, ann, chat):
        sent(ann, chat)
        shown = chat_summary(ann, chat.pk)["last_message"]
        assert shown["attachment"] == {"kind": "image", "name": "lake.png"}
        post(chat, ann, "words")
        assert "attachment" not in chat_summary(ann, chat.pk)["last_message"]

    def test_is_named_in_a_quote(self, ann, chat):
        quoted = sent(ann, chat, file=a_file())
        post(chat, ann, "that", reply_to_id=quoted.message_id)
        quote = history.newest_page(chat.pk)["messages"][-1]["reply_to"]
        assert quote["attachment"] == {"kind": "file", "name": "notes.pdf"}


class TestEvent:
    def payloads(self) -> list[dict[str, Any]]:
        payloads = [orjson.loads(event.payload) for event in message_events()]
        for payload in payloads:
            check_message("chat-messages", payload)
        return payloads

    def test_names_what_is_shown(self, ann, chat):
        own = sent(ann, chat)
        (payload,) = self.payloads()
        assert payload["content"] == ""
        assert payload["attachments"] == [
            {
                "id": str(own.pk),
                "kind": "image",
                "name": "lake.png",
                "contentType": "image/png",
                "size": own.size,
            }
        ]

    def test_of_an_edit_names_it_still_and_of_a_deletion_no_more(self, ann, chat):
        own = sent(ann, chat, "words")
        edit_message(actor=ann, message_id=own.message_id or 0, content="")
        delete_message(actor=ann, message_id=own.message_id or 0)
        _created, edited, deleted = self.payloads()
        assert len(edited["attachments"]) == 1
        assert "attachments" not in deleted


class TestEdit:
    def test_may_take_the_words_away_where_there_is_something_to_see(self, ann, chat):
        own = sent(ann, chat, "words")
        edit_message(actor=ann, message_id=own.message_id or 0, content="")
        (message,) = history.newest_page(chat.pk)["messages"]
        assert (message["content"], len(message["attachments"])) == ("", 1)


@pytest.mark.embedded
class TestDownload:
    def test_of_a_picture_shows_it(self, ann, bob, chat):
        own = sent(ann, chat)
        answer = browser_of(bob).get(url_of(own))
        assert (answer.status_code, answer["Content-Type"]) == (200, "image/png")
        assert answer["Content-Disposition"] == 'inline; filename="lake.png"'
        assert int(answer["Content-Length"]) == len(body_of(answer)) == own.size
        preview = browser_of(bob).get(url_of(own, preview=True))
        assert preview["Content-Type"] == "image/webp"
        with Image.open(io.BytesIO(body_of(preview))) as image:
            assert image.size == (640, 320)

    @pytest.mark.parametrize("name", ["page.html", "run.svg", "a.js", "paper.pdf", "Отчёт.docx"])
    def test_of_a_file_only_saves_it(self, ann, chat, name):
        own = sent(ann, chat, file=a_file(name, b"<script>alert(1)</script>"))
        answer = browser_of(ann).get(url_of(own))
        assert answer["Content-Disposition"].startswith("attachment; filename")
        safe = {"application/octet-stream", "application/pdf"}
        assert answer["Content-Type"] in safe
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
        assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
        assert body_of(answer) == b"<script>alert(1)</script>"

    def test_gives_a_name_of_any_alphabet(self, ann, chat):
        own = sent(ann, chat, file=a_file('Отчёт "май".pdf'))
        disposition = get(browser_of(ann), url_of(own))["Content-Disposition"]
        assert disposition.startswith("attachment; filename*=utf-8''%D0%9E%D1%82")
        assert disposition.isascii()

    def test_is_kept_by_the_browser_of_this_person_alone(self, ann, chat):
        browser, own = browser_of(ann), sent(ann, chat)
        answer = get(browser, url_of(own))
        assert answer["Cache-Control"].startswith("private,")
        assert "Cookie" in answer["Vary"]
        again = browser.get(url_of(own), headers={"if-none-match": answer["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
        preview = get(browser, url_of(own, preview=True))
        assert preview["ETag"] != answer["ETag"]

    def test_is_not_read_whole_by_the_server(self, ann, chat):
        own = sent(ann, chat, file=a_file(content=b"x" * 300_000))
        answer: Any = browser_of(ann).get(url_of(own))
        assert max(len(chunk) for chunk in answer.streaming_content) <= 64 * 1024

    async def test_is_read_as_it_is_sent(self, ann, chat, transactional_db):
        from tests.integration.chat.conftest import in_thread

        own = await in_thread(sent, ann, chat, file=a_file(content=b"x" * 300_000))
        client = AsyncClient()
        client.cookies[settings.SESSION_COOKIE_NAME] = await in_thread(session_key, ann)
        answer: Any = await client.get(url_of(own))
        chunks = [len(chunk) async for chunk in answer]
        assert (sum(chunks), max(chunks)) == (300_000, 64 * 1024)
        answer.close()

    @pytest.mark.parametrize(
        ("asked", "status", "content", "said"),
        [
            ("bytes=0-3", 206, b"0123", "bytes 0-3/10"),
            ("bytes=7-", 206, b"789", "bytes 7-9/10"),
            ("bytes=-2", 206, b"89", "bytes 8-9/10"),
            ("bytes=-50", 206, b"0123456789", "bytes 0-9/10"),
            ("bytes=5-999", 206, b"56789", "bytes 5-9/10"),
            ("bytes=9-9", 206, b"9", "bytes 9-9/10"),
            ("bytes=10-", 416, b"", "bytes */10"),
            ("bytes=-0", 416, b"", "bytes */10"),
            ("bytes=5-2", 416, b"", "bytes */10"),
            ("bytes=-", 200, b"0123456789", None),
            ("bytes=0-1,4-5", 200, b"0123456789", None),
            ("lines=0-1", 200, b"0123456789", None),
            ("bytes=٣-٤", 200, b"0123456789", None),
        ],
    )
    def test_of_a_part_gives_that_part(self, ann, chat, asked, status, content, said):
        own = sent(ann, chat, file=a_file(content=b"0123456789"))
        answer = browser_of(ann).get(url_of(own), headers={"range": asked})
        body = body_of(answer) if answer.streaming else answer.content
        assert (answer.status_code, body, answer.get("Content-Range")) == (status, content, said)

    def test_of_a_part_of_something_else_gives_all(self, ann, chat):
        own = sent(ann, chat, file=a_file(content=b"0123456789"))
        headers = {"range": "bytes=0-1", "if-range": '"another"'}
        assert get(browser_of(ann), url_of(own), **headers).status_code == 200

    @pytest.mark.parametrize("preview", [False, True])
    def test_is_for_those_who_are_in_the_chat_now(self, ann, bob, chat, preview):
        own, stranger, banned = sent(ann, chat), make_person("eve"), browser_of(bob)
        url = url_of(own, preview=preview)
        assert get(banned, url).status_code == 200
        remove(chat, bob)
        answers = [browser_of(person).get(url) for person in (bob, stranger, None)]
        ban(ann)
        answers += [browser_of(ann).get(url), banned.get(f"/attachments/{uuid.uuid4()}")]
        assert {answer.status_code for answer in answers} == {404}
        assert browser_of(None).post(url).status_code == 405

    def test_before_it_is_sent_is_for_its_uploader_alone(self, ann, bob, chat):
        own = uploaded(ann, chat)
        its = uploaded(bob, chat)
        assert get(browser_of(ann), url_of(own)).status_code == 200
        assert get(browser_of(bob), url_of(own)).status_code == 404
        remove(chat, bob)
        assert get(browser_of(bob), url_of(its)).status_code == 404

    def test_of_a_hidden_message_s_files_is_for_nobody(self, ann, bob, chat):
        own = sent(ann, chat)
        Message.objects.update(hidden_at=timezone.now())
        for person in (ann, bob):
            assert browser_of(person).get(url_of(own)).status_code == 404

    def test_of_what_has_no_preview_or_no_file_is_not_found(self, ann, chat, media):
        own = sent(ann, chat, file=a_file())
        browser = browser_of(ann)
        assert browser.get(url_of(own, preview=True)).status_code == 404
        for path in files_in(media):
            path.unlink()
        assert browser.get(url_of(own)).status_code == 404


class TestRemoval:
    def test_of_a_message_takes_its_files_away(
        self, ann, chat, media, django_capture_on_commit_callbacks
    ):
        own = sent(ann, chat, "words")
        with django_capture_on_commit_callbacks(execute=True):
            delete_message(actor=ann, message_id=own.message_id or 0)
            assert files_in(media) != []
        assert (files_in(media), Attachment.objects.count()) == ([], 0)
        assert "attachments" not in history.newest_page(chat.pk)["messages"][0]
        assert browser_of(ann).get(url_of(own)).status_code == 404

    def test_of_what_was_never_sent_leaves_the_rest(
        self, ann, chat, media, django_capture_on_commit_callbacks
    ):
        old, new, kept = uploaded(ann, chat), uploaded(ann, chat), sent(ann, chat)
        day = timezone.now() - timedelta(days=1)
        Attachment.objects.exclude(pk=new.pk).update(created_at=day - timedelta(minutes=1))
        with django_capture_on_commit_callbacks(execute=True):
            assert delete_attachments(Attachment.objects.unused_since(day)) == 1
            assert delete_attachments(Attachment.objects.unused_since(day)) == 0
        assert set(Attachment.objects.values_list("pk", flat=True)) == {new.pk, kept.pk}
        assert not Attachment.objects.filter(pk=old.pk).exists()
        assert len(files_in(media)) == 4
