"""The line to the server: what is said while it is gone, how it comes back, and whose it is."""

from __future__ import annotations

import re

import pytest

from tests.e2e.chatting import (
    PASSWORD,
    message,
    open_chat,
    sees,
    sees_exactly,
    send,
    sign_up,
    texts,
    wait_until_connected,
    write_to,
)
from tests.e2e.network import HeldRequests, cut, hand_over, mend, sign_in_at, sign_out
from tests.e2e.test_notifications import NOTES, notes, switch_on
from tests.support.playwrights import expect
from tests.support.servers import start_server

QUIET_MS = 2000


@pytest.fixture
def anna_and_boris(server, new_person):
    """In a chat with each other."""
    anna, boris = new_person(server), new_person(server)
    hand_over(anna)
    sign_up(boris, "boris")
    sign_up(anna, "anna")
    write_to(anna, "boris", username="boris")
    open_chat(boris, "anna")
    return anna, boris


def banner(person):
    return person.page.locator("#banner")


def is_connected(person, state):
    expect(person.page.locator("html")).to_have_attribute("data-connection", state)


def poll(person):
    """Sockets are blocked, and the page has found out."""
    person.page.evaluate("() => { Math.random = () => 0; }")
    cut(person)
    is_connected(person, "polling")


def wait_for_a_long_pause(person):
    """HTTP does not work either, and several tries were in vain: the next one is seconds away."""
    person.expects("ERR_FAILED")
    person.page.route(re.compile("/api/chats$"), lambda route: route.abort())
    person.page.evaluate("() => { Math.random = () => 0.999; }")
    cut(person)
    person.page.wait_for_function("() => line.tries > 3 && " + WAITS_SECONDS)


WAITS_SECONDS = "+/in (\\d+) sec/.exec(document.querySelector('#banner').textContent)?.[1] > 2"


class TestBanner:
    def test_says_nothing_for_two_seconds(self, anna_and_boris):
        anna, _ = anna_and_boris
        silence = anna.page.evaluate(
            """() => new Promise((resolve) => {
              const banner = document.querySelector("#banner");
              const start = performance.now();
              const look = () => banner.hidden || resolve(performance.now() - start);
              new MutationObserver(look).observe(banner, { attributes: true });
              line.isBlocked = true;
              line.socket.close();
            })"""
        )
        assert silence >= QUIET_MS

    def test_says_nothing_of_a_line_that_comes_back_at_once(self, anna_and_boris):
        anna, _ = anna_and_boris
        anna.page.evaluate(
            """() => {
              // However long it takes here: by the page's clock it is at once.
              const now = Date.now();
              Date.now = () => now;
              window.shown = 0;
              const banner = document.querySelector("#banner");
              new MutationObserver(() => { shown += !banner.hidden; })
                .observe(banner, { attributes: true });
              line.socket.close();
            }"""
        )
        anna.page.wait_for_function("() => line.tries === 2")
        wait_until_connected(anna)
        assert anna.page.evaluate("shown") == 0

    def test_counts_down_beside_a_button_that_stays(self, anna_and_boris):
        anna, _ = anna_and_boris
        wait_for_a_long_pause(anna)
        now = banner(anna).get_by_role("button", name="Try now")
        now.focus()
        counted = anna.page.evaluate(
            """() => new Promise((resolve) => {
              let counted = [];
              const look = () => {
                const seconds = +/in (\\d+) sec/.exec(banner.textContent)?.[1];
                // That pause is over: the next one is counted from its own beginning.
                if (!seconds || seconds > counted.at(-1)?.seconds) counted = [];
                if (seconds && seconds !== counted.at(-1)?.seconds)
                  counted.push({ seconds, at: Date.now() / 1000 });
                if (counted.length === 3) resolve(counted);
              };
              const banner = document.querySelector("#banner");
              new MutationObserver(look)
                .observe(banner, { subtree: true, childList: true, characterData: true });
            })"""
        )
        # A busy machine may miss a second, but each number says what is left just then.
        ends = [one["at"] + one["seconds"] for one in counted]
        assert max(ends) - min(ends) < 1.1
        expect(now).to_be_focused()
        # Once is enough for who hears it: the seconds are for the eyes.
        heard = banner(anna).evaluate(
            """(banner) => [...banner.children]
              .filter((node) => !node.hidden && node.ariaHidden !== "true")
              .map((node) => node.textContent)"""
        )
        assert heard == ["No connection.", "Try now"]

    def test_has_a_button_that_does_not_wait(self, anna_and_boris):
        anna, boris = anna_and_boris
        wait_for_a_long_pause(anna)
        send(anna, "as soon as can be")
        mend(anna)
        assert tries_at_once(anna, "document.querySelector('#banner .link').click()")
        wait_until_connected(anna)
        expect(banner(anna)).to_be_hidden()
        sees(boris, "as soon as can be")

    def test_is_not_waited_for_by_a_page_that_is_seen_again(self, anna_and_boris):
        anna, _ = anna_and_boris
        wait_for_a_long_pause(anna)
        mend(anna)
        assert tries_at_once(anna, "document.dispatchEvent(new Event('visibilitychange'))")
        wait_until_connected(anna)

    def test_is_not_waited_for_by_a_browser_that_is_online_again(self, anna_and_boris):
        anna, _ = anna_and_boris
        wait_for_a_long_pause(anna)
        mend(anna)
        assert tries_at_once(anna, "dispatchEvent(new Event('online'))")
        wait_until_connected(anna)


def tries_at_once(person, action) -> bool:
    """Whether a socket is opened by it, before anything else happens in the page."""
    tried: bool = person.page.evaluate(
        f"() => {{ const before = line.tries; {action}; return line.tries === before + 1; }}"
    )
    return tried


class TestServer:
    def test_that_restarts_is_come_back_to_by_everyone(self, anna_and_boris, server):
        anna, boris = anna_and_boris
        for person in anna_and_boris:
            person.expects("ERR_CONNECTION_REFUSED")
            person.expects("Unexpected response code: 503")
        anna.page.evaluate(
            """() => {
              window.codes = [];
              window.states = new Set();
              line.socket.addEventListener("close", ({ code }) => codes.push(code));
              const page = document.documentElement;
              new MutationObserver(() => states.add(page.dataset.connection))
                .observe(page, { attributes: true });
            }"""
        )
        server.restart()
        anna.page.wait_for_function("() => states.has('online')")
        wait_until_connected(boris)
        assert anna.page.evaluate("codes") == [1012]
        assert set(anna.page.evaluate("[...states]")) <= {"connecting", "waiting", "online"}
        send(anna, "after it")
        sees(boris, "after it")

    def test_that_does_not_expect_this_address_says_so(
        self, new_person, new_sqlite_url, static_root, tmp_path
    ):
        with start_server(
            new_sqlite_url(tmp_path),
            ALLOWED_ORIGINS="http://chat.example.org",
            STATIC_ROOT=str(static_root),
        ) as server:
            anna = new_person(server)
            anna.goto("/sign-up")
            anna.page.fill("[name=username]", "anna")
            anna.page.fill("[name=password]", PASSWORD)
            anna.page.click("main button.primary")
            is_connected(anna, "not-allowed")
            expect(banner(anna)).to_contain_text("The server does not accept this page")


class TestSignedOut:
    def test_elsewhere_asks_to_sign_in_and_stops_trying(self, anna_and_boris):
        anna, _ = anna_and_boris
        sign_out(anna, anna.context.new_page())
        expect(banner(anna)).to_contain_text("You are signed out")
        expect(banner(anna).get_by_role("link", name="Sign in")).to_be_visible()
        expect(anna.page.locator("html")).to_have_attribute("data-connection", "signed-out")
        anna.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        assert anna.page.evaluate("line.tries") == 1

    def test_is_a_page_in_whose_browser_somebody_else_signs_in(
        self, anna_and_boris, server, new_person
    ):
        anna, boris = anna_and_boris
        carol = new_person(server)
        sign_up(carol, "carol")
        write_to(carol, "boris", username="boris")
        # A page that comes back just between the two is told that nobody is signed in.
        anna.expects("401")
        cut(anna)
        send(anna, "from anna")
        expect(message(anna, "from anna")).to_have_class(re.compile("pending"))
        other = anna.context.new_page()
        sign_out(anna, other)
        sign_in_at(anna, other, "boris", anna.base_url)
        mend(anna)
        is_connected(anna, "signed-out")
        expect(banner(anna)).to_contain_text("You are signed out")
        expect(anna.page.locator("#chat-list .row")).to_have_count(1)
        sign_out(anna, other)
        sign_in_at(anna, other, "anna", anna.page.url)
        # Under her own name, once she is there again.
        sees(boris, "from anna")
        expect(message(boris, "from anna")).not_to_have_class(re.compile("own"))

    @pytest.mark.parametrize("then", ["nobody", "boris"])
    def test_is_a_page_that_polls_for_somebody_who_has_gone(self, anna_and_boris, then):
        anna, boris = anna_and_boris
        poll(anna)
        # The next round asks when all is done.
        asked = HeldRequests(anna, "/api/(chats|me)$")
        with anna.page.expect_request(re.compile("/api/chats$")):
            pass
        other = anna.context.new_page()
        sign_out(anna, other)
        if then != "nobody":
            sign_in_at(anna, other, then, anna.base_url)
        anna.expects("401")
        # The socket's own question is answered by nobody.
        asked.let_go(ending="/chats")
        is_connected(anna, "signed-out")
        send(anna, "from anna")
        expect(message(anna, "from anna")).to_have_class(re.compile("pending"))
        mend(anna)
        # Whatever the socket was about to do, it does not come back.
        assert not tries_at_once(anna, "dispatchEvent(new Event('online'))")
        assert anna.page.evaluate("document.documentElement.dataset.connection") == "signed-out"
        assert texts(boris) == []


class TestPolling:
    def test_goes_on_by_http_where_sockets_are_blocked(self, server, new_person):
        anna, boris = new_person(server), new_person(server)
        hand_over(anna)
        anna.page.add_init_script("line.isBlocked = true;")
        sign_up(boris, "boris")
        anna.goto("/sign-up")
        anna.page.fill("[name=username]", "anna")
        anna.page.fill("[name=password]", PASSWORD)
        anna.page.click("main button.primary")
        is_connected(anna, "polling")
        write_to(anna, "boris", username="boris")
        send(anna, "by another road")
        open_chat(boris, "anna")
        sees(boris, "by another road")
        send(boris, "and back")
        sees_exactly(anna, ["by another road", "and back"])
        wait_until_connected(boris)

    def test_tells_of_what_is_new_and_of_nothing_that_was_there(self, anna_and_boris):
        anna, boris = anna_and_boris
        anna.context.grant_permissions(["notifications"])
        anna.page.add_init_script(NOTES)
        anna.page.reload()
        wait_until_connected(anna)
        switch_on(anna)
        spoken = anna.page.locator("#announcer p")
        cut(anna)
        send(boris, "while she was away")
        poll(anna)
        sees(anna, "while she was away")
        send(boris, "now that she polls")
        sees(anna, "now that she polls")
        expect(spoken).to_have_text(["boris: now that she polls"])
        # Nobody looks: now it rings.
        anna.page.evaluate("() => { document.hasFocus = () => false; }")
        send(boris, "look here")
        anna.page.wait_for_function("() => notes.some(({ body }) => body)")
        rung = [words for _, words, _ in notes(anna) if words]
        assert rung == ["look here"]
