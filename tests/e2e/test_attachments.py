"""Pictures and files in real browsers: pasted, dropped, chosen, seen by others, and harmless."""

from __future__ import annotations

import base64
import io
import re
from typing import Any

import pytest
from PIL import Image

from tests.e2e.chatting import make_chat, message, open_chat, sees, send, sign_up, write_to
from tests.e2e.network import HeldRequests
from tests.support.browser import Person
from tests.support.playwrights import Locator, expect

TRAY = ".tray li"
PICTURE = ".timeline .picture img"
UPLOADS = "/attachments$"


def picture(size: tuple[int, int] = (1200, 800), colour: str = "teal") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return file.getvalue()


def chosen(name: str, content: bytes, kind: str = "image/png") -> dict[str, Any]:
    return {"name": name, "mimeType": kind, "buffer": content}


def attach(person: Person, *files: Any) -> None:
    person.page.set_input_files("#composer input[type=file]", list(files))


def hand_over(person: Person, event: str, target: str, name: str, content: bytes) -> None:
    """A file comes by the clipboard or by the mouse, as the browser would tell of it."""
    person.page.evaluate(
        """([event, target, name, content]) => {
          const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
          const held = new DataTransfer();
          held.items.add(new File([bytes], name, { type: "image/png" }));
          const how = { bubbles: true, cancelable: true, clipboardData: held, dataTransfer: held };
          const Kind = event === "paste" ? ClipboardEvent : DragEvent;
          document.querySelector(target).dispatchEvent(new Kind(event, how));
        }""",
        [event, target, name, base64.b64encode(content).decode()],
    )


def are_ready(person: Person, count: int) -> None:
    expect(person.page.locator(TRAY)).to_have_count(count)
    expect(person.page.locator(f"{TRAY} progress")).to_have_count(0)


def is_drawn(image: Locator) -> None:
    """There, and not only its room."""
    expect(image).to_be_visible()
    handle = image.element_handle()
    image.page.wait_for_function("(image) => image.complete && image.naturalWidth > 0", arg=handle)


@pytest.fixture
def two(server, new_person) -> tuple[Person, Person]:
    """Ann and Boris in the chat that they have with each other."""
    ann, boris = new_person(server), new_person(server)
    sign_up(boris, "boris")
    sign_up(ann, "ann")
    write_to(ann, "bor", username="boris")
    send(ann, "look")
    open_chat(boris, "ann")
    sees(boris, "look")
    return ann, boris


class TestPicture:
    def test_that_is_pasted_is_seen_by_both(self, two):
        ann, _ = two
        hand_over(ann, "paste", "#message", "lake.png", picture())
        are_ready(ann, 1)
        ann.page.fill("#message", "my lake")
        ann.page.press("#message", "Enter")
        expect(ann.page.locator(TRAY)).to_have_count(0)
        for person in two:
            is_drawn(person.page.locator(PICTURE))
            expect(person.page.locator(PICTURE)).to_have_attribute("alt", "lake.png")
            sees(person, "my lake")

    def test_that_is_dropped_needs_no_words(self, two):
        ann, boris = two
        hand_over(ann, "dragover", "#timeline", "a.png", picture())
        expect(ann.page.locator(".drop-hint")).to_be_visible()
        hand_over(ann, "drop", "#timeline", "a.png", picture())
        expect(ann.page.locator(".drop-hint")).to_be_hidden()
        are_ready(ann, 1)
        ann.page.press("#message", "Enter")
        is_drawn(boris.page.locator(PICTURE))
        expect(boris.page.locator("#chat-list .row")).to_contain_text("Picture")

    def test_moves_nothing_when_it_comes(self, two):
        ann, boris = two
        attach(ann, chosen("a.png", picture()))
        are_ready(ann, 1)
        heights = """() => [...document.querySelectorAll(".picture img")].map(
            (image) => [image.offsetWidth, image.offsetHeight])"""
        boris.page.route("**/preview", lambda route: None)
        ann.page.press("#message", "Enter")
        room = boris.page.locator(".picture img")
        expect(room).to_be_attached()
        before = boris.page.evaluate(heights)
        boris.page.unroute("**/preview")
        boris.page.reload()
        is_drawn(boris.page.locator(PICTURE))
        assert before == boris.page.evaluate(heights) == [[360, 240]]
        boris.expects("preview")

    def test_is_seen_large_and_left_by_keys(self, two):
        ann, _ = two
        attach(ann, chosen("one.png", picture()), chosen("two.png", picture(colour="navy")))
        are_ready(ann, 2)
        ann.page.press("#message", "Enter")
        expect(ann.page.locator(PICTURE)).to_have_count(2)
        ann.page.locator(".picture").first.click()
        large = ann.page.locator("dialog.lightbox > img")
        expect(large).to_have_attribute("alt", "one.png")
        ann.page.keyboard.press("ArrowRight")
        expect(large).to_have_attribute("alt", "two.png")
        ann.page.keyboard.press("Escape")
        expect(ann.page.locator("dialog[open]")).to_have_count(0)
        expect(ann.page.locator(".picture").nth(1)).to_be_focused()


class TestTray:
    def test_takes_a_file_away_before_it_is_sent(self, server, new_person):
        ann = new_person(server)
        sign_up(ann, "ann")
        make_chat(ann, "Files")
        attach(ann, chosen("a.txt", b"words", "text/plain"), chosen("b.png", picture()))
        are_ready(ann, 2)
        ann.page.get_by_role("button", name="Remove a.txt").click()
        expect(ann.page.locator(TRAY)).to_have_count(1)
        expect(ann.page.locator(TRAY)).to_contain_text("b.png")

    def test_and_words_outlive_a_reload(self, server, new_person):
        ann = new_person(server)
        sign_up(ann, "ann")
        make_chat(ann, "Files")
        ann.page.fill("#message", "half a thought")
        attach(ann, chosen("a.txt", b"words", "text/plain"))
        are_ready(ann, 1)
        ann.page.reload()
        are_ready(ann, 1)
        expect(ann.page.locator("#message")).to_have_value("half a thought")
        ann.page.press("#message", "Enter")
        sees(ann, "half a thought")
        expect(ann.page.locator(".timeline a.file")).to_contain_text("a.txt")

    def test_says_what_is_too_large_and_what_failed(self, server, new_person):
        ann = new_person(server)
        ann.expects("500|upload")
        sign_up(ann, "ann")
        make_chat(ann, "Files")
        attach(ann, chosen("big.bin", b"x" * 10_000_001, "application/zip"))
        expect(ann.page.locator(TRAY)).to_contain_text("Too large: 10 MB at most")
        ann.page.get_by_role("button", name="Remove big.bin").click()
        broken = re.compile(UPLOADS)
        ann.page.route(broken, lambda route: route.fulfill(status=500, body="oh"))
        attach(ann, chosen("a.png", picture()))
        expect(ann.page.locator(TRAY)).to_contain_text("is not responding")
        ann.page.unroute(broken)
        ann.page.get_by_role("button", name="Upload a.png again").click()
        are_ready(ann, 1)

    def test_lets_a_message_go_when_its_files_are_there(self, server, new_person):
        ann = new_person(server)
        sign_up(ann, "ann")
        make_chat(ann, "Files")
        uploads = HeldRequests(ann, UPLOADS)
        attach(ann, chosen("a.png", picture()))
        expect(ann.page.locator(f"{TRAY} progress")).to_be_visible()
        ann.page.fill("#message", "with a picture")
        ann.page.press("#message", "Enter")
        expect(ann.page.locator(".foot-line")).to_contain_text("when the files are uploaded")
        expect(message(ann, "with a picture")).to_have_count(0)
        uploads.let_go()
        sees(ann, "with a picture")
        is_drawn(ann.page.locator(PICTURE))

    def test_lets_a_message_go_while_another_chat_is_open(self, server, new_person):
        ann = new_person(server)
        sign_up(ann, "ann")
        make_chat(ann, "Books")
        make_chat(ann, "Files")
        uploads = HeldRequests(ann, UPLOADS)
        attach(ann, chosen("a.png", picture()))
        send(ann, "with a picture")
        expect(ann.page.locator(".foot-line")).to_contain_text("when the files are uploaded")
        open_chat(ann, "Books")
        ann.page.fill("#message", "half a thought")
        expect(ann.page.locator(".foot-line span").first).to_be_hidden()
        uploads.let_go()
        expect(ann.page.locator("#chat-list .row", has_text="Files")).to_contain_text("with a pict")
        expect(ann.page.locator("#message")).to_have_value("half a thought")
        open_chat(ann, "Files")
        sees(ann, "with a picture")
        is_drawn(ann.page.locator(PICTURE))
        expect(ann.page.locator("#message")).to_have_value("")
        expect(ann.page.locator(TRAY)).to_have_count(0)

    def test_keeps_what_came_while_another_chat_was_open(self, server, new_person):
        ann = new_person(server)
        sign_up(ann, "ann")
        make_chat(ann, "Books")
        make_chat(ann, "Files")
        uploads = HeldRequests(ann, UPLOADS)
        ann.page.fill("#message", "look at this")
        attach(ann, chosen("a.txt", b"words", "text/plain"))
        expect(ann.page.locator(f"{TRAY} progress")).to_be_visible()
        open_chat(ann, "Books")
        with ann.page.expect_response(re.compile(UPLOADS)) as answer:
            uploads.let_go()
        answer.value.finished()
        expect(ann.page.locator(TRAY)).to_have_count(0)
        ann.page.wait_for_function(
            "() => Object.values(localStorage).some((one) => one.includes('a.txt'))"
        )
        ann.page.reload()
        open_chat(ann, "Files")
        are_ready(ann, 1)
        ann.page.press("#message", "Enter")
        sees(ann, "look at this")
        expect(ann.page.locator(".timeline a.file")).to_contain_text("a.txt")

    def test_says_what_to_do_when_a_file_did_not_come(self, server, new_person):
        ann = new_person(server)
        ann.expects("500|upload")
        sign_up(ann, "ann")
        make_chat(ann, "Files")
        broken = re.compile(UPLOADS)
        ann.page.route(broken, lambda route: route.fulfill(status=500, body="oh"))
        attach(ann, chosen("a.png", picture()))
        expect(ann.page.locator(TRAY)).to_contain_text("is not responding")
        send(ann, "with a picture")
        expect(ann.page.locator(".toast")).to_contain_text("Upload it again or remove it")
        expect(ann.page.locator("#message")).to_have_value("with a picture")
        expect(message(ann, "with a picture")).to_have_count(0)

    def test_holds_no_memory_for_what_shows_no_picture(self, server, new_person):
        ann = new_person(server)
        ann.page.add_init_script(
            """window.blobs = new Set();
            const [made, let_go] = [URL.createObjectURL, URL.revokeObjectURL];
            URL.createObjectURL = (file) => {
              const url = made.call(URL, file);
              blobs.add(url);
              return url;
            };
            URL.revokeObjectURL = (url) => { blobs.delete(url); let_go.call(URL, url); };"""
        )
        sign_up(ann, "ann")
        make_chat(ann, "Files")
        attach(
            ann,
            chosen("big.png", b"x" * 10_000_001),
            chosen("words.txt", b"words", "text/plain"),
            # Said to be a picture, and found not to be one.
            chosen("lie.png", b"words"),
            chosen("lake.png", picture()),
        )
        are_ready(ann, 4)
        ann.page.wait_for_function("() => blobs.size === 1")


class TestFile:
    @pytest.mark.parametrize("name", ["page.html", "drawing.svg"])
    def test_runs_nothing_when_it_is_opened(self, server, new_person, name):
        ann = new_person(server)
        sign_up(ann, "ann")
        make_chat(ann, "Files")
        script = b"<script>document.cookie='ran=yes';alert(1)</script>"
        svg = b'<svg xmlns="http://www.w3.org/2000/svg">' + script + b"</svg>"
        attach(ann, chosen(name, svg if name.endswith("svg") else script, "text/html"))
        are_ready(ann, 1)
        ann.page.press("#message", "Enter")
        link = ann.page.locator(".timeline a.file")
        url = ann.base_url + str(link.get_attribute("href"))
        other = ann.context.new_page()
        with other.expect_download() as download:
            other.evaluate("(url) => { location.href = url; }", url)
        assert download.value.suggested_filename == name
        assert "ran" not in str(ann.context.cookies())
