"""What people type is shown as they typed it; the page runs and loads nothing but what is ours."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from tests.e2e.chatting import (
    chat_id_of,
    make_chat,
    message,
    open_chat,
    sees,
    send,
    sign_up,
    write_to,
)
from tests.support.playwrights import expect

SCRIPT = "<img src=x onerror=\"document.title='run'\"><script>document.title='run'</script>"


@pytest.fixture
def anna_and_boris(server, new_person):
    anna, boris = new_person(server), new_person(server)
    sign_up(boris, "boris", name="<b>Boris</b> {{7*7}}")
    sign_up(anna, "anna", name="<i>A</i>&amp;")
    return anna, boris


class TestMarkup:
    def test_is_shown_literally_in_every_field(self, anna_and_boris):
        anna, boris = anna_and_boris
        make_chat(anna, "<h1>T</h1>")
        expect(anna.page.locator(".chat-head h2")).to_have_text("<h1>T</h1>")
        write_to(anna, "<b>Boris", username="boris")
        send(anna, SCRIPT)
        open_chat(boris, "<i>A</i>&amp;")
        sees(boris, SCRIPT)
        expect(boris.page.locator(".chat-head h2")).to_have_text("<i>A</i>&amp;")
        expect(boris.page.locator("#chat-list .sub")).to_have_text(SCRIPT)
        message(boris, SCRIPT).hover()
        message(boris, SCRIPT).locator(".tools button").nth(1).click()
        send(boris, "</script><svg onload=alert(1)>")
        expect(message(anna, "</script><svg onload=alert(1)>").locator(".quote")).to_contain_text(
            SCRIPT[:60]
        )
        anna.page.reload()
        sees(anna, SCRIPT)
        for person in (anna, boris):
            assert "run" not in person.page.title()
            assert person.page.locator(".timeline :is(img, script, b b)").count() == 0

    def test_becomes_formatting_only_as_nodes_of_ours(self, anna_and_boris):
        anna, _ = anna_and_boris
        write_to(anna, "Boris", username="boris")
        send(anna, "**<b>x</b>** and `<i>y</i>`")
        expect(anna.page.locator(".text strong")).to_have_text("<b>x</b>")
        expect(anna.page.locator(".text code")).to_have_text("<i>y</i>")

    def test_only_http_addresses_become_links(self, anna_and_boris):
        anna, _ = anna_and_boris
        write_to(anna, "Boris", username="boris")
        send(
            anna,
            "javascript:alert(1) data:text/html,x vbscript:x file:///etc/passwd //evil.example"
            " https://good.example/a?b=c, (http://other.example/x_(y)).",
        )
        links = anna.page.locator(".text a")
        expect(links).to_have_text(["https://good.example/a?b=c", "http://other.example/x_(y)"])
        assert links.first.get_attribute("rel") == "noopener noreferrer nofollow"

    def test_only_addresses_of_ours_open_in_the_page(self, anna_and_boris):
        anna, _ = anna_and_boris
        write_to(anna, "Boris", username="boris")
        ours = f"{anna.base_url}/chats/1"
        like_ours = ours.replace("127.0.0.1", "127a0b0c1")
        send(anna, f"{ours} {like_ours}")
        links = anna.page.locator(".text a")
        expect(links).to_have_text([ours, like_ours])
        assert [links.nth(place).get_attribute("target") for place in range(2)] == [None, "_blank"]

    def test_a_name_from_right_to_left_turns_nothing_around_it(self, server, new_person):
        sara, anna = new_person(server), new_person(server)
        sign_up(sara, "sara", name="שרה")
        sign_up(anna, "anna")
        chat_id = make_chat(sara, "גינה", kind="public")
        anna.goto(f"/chats/{chat_id}")
        anna.page.get_by_role("button", name="Join").click()
        expect(anna.page).to_have_title("\u2068גינה\u2069 · Webchat")
        sara.page.locator("#message").press_sequentially("hello")
        for place in ("#typing", "#chat-list .live"):
            expect(anna.page.locator(place)).to_have_text("\u2068שרה\u2069 is typing…")
        sara.page.press("#message", "Enter")
        expect(anna.page.locator("#chat-list .sub bdi")).to_have_text(["שרה", ": ", "hello"])
        anna.page.click("#chat-head [aria-haspopup=menu]")
        anna.page.get_by_role("menuitem", name="Leave").click()
        expect(anna.page.locator("dialog h2")).to_have_text("Leave \u2068גינה\u2069?")

    def test_directions_do_not_leak_from_one_text_into_another(self, anna_and_boris):
        anna, _ = anna_and_boris
        write_to(anna, "Boris", username="boris")
        send(anna, "\u202eabc")
        send(anna, "שלום")
        expect(message(anna, "שלום").locator(".bubble")).to_have_css("direction", "rtl")
        overridden = message(anna, "\u202eabc").locator(".text")
        expect(overridden).to_have_css("unicode-bidi", "isolate")


class TestPage:
    def test_asks_no_one_else_for_anything(self, server, new_person):
        anna = new_person(server)
        hosts = set()
        anna.context.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
        anna.page.on("websocket", lambda socket: hosts.add(urlsplit(socket.url).netloc))
        sign_up(anna, "anna")
        make_chat(anna, "Garden")
        send(anna, "see https://elsewhere.example/picture.png")
        sees(anna, "see https://elsewhere.example/picture.png")
        anna.goto("/profile")
        assert hosts == {urlsplit(server.url).netloc}

    def test_of_a_chat_that_is_not_ones_own_is_as_if_there_were_none(self, server, new_person):
        anna, boris = new_person(server), new_person(server)
        sign_up(anna, "anna")
        sign_up(boris, "boris")
        make_chat(anna, "Secret")
        boris.expects("404")
        for chat_id in (chat_id_of(anna), 987654321, 10**30):
            answer = boris.page.goto(f"{boris.base_url}/chats/{chat_id}")
            assert answer is not None
            assert answer.status == 404
            assert "Secret" not in boris.page.content()
            expect(boris.page.locator("h1")).to_have_text("There is nothing here")

    def test_of_a_public_chat_invites_to_join(self, server, new_person):
        anna, boris = new_person(server), new_person(server)
        sign_up(anna, "anna")
        sign_up(boris, "boris")
        chat_id = make_chat(anna, "Open house", kind="public")
        send(anna, "come in")
        boris.goto(f"/chats/{chat_id}")
        expect(boris.page.locator("#empty")).to_contain_text("Open house")
        boris.page.get_by_role("button", name="Join").click()
        sees(boris, "come in")
