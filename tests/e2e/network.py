"""The page's own socket, in a test's hands: cut, kept from coming back, its lines held and let go.

`hand_over(person)` before a page is loaded; the rest works on the page that is open then.
"""

from __future__ import annotations

import re
from typing import Any

from tests.e2e.chatting import PASSWORD
from tests.support.browser import Person
from tests.support.playwrights import Page, Route, expect
from tests.support.processes import wait_until

SOCKET = """
const Real = WebSocket;
window.line = { isBlocked: false, tries: 0, holds: [], held: [], hear: () => {}, socket: null };
class Held extends Real {
  set onmessage(listener) {
    line.hear = (text) => listener({ data: text });
    super.onmessage = ({ data }) => {
      for (const text of data.split("\\n")) {
        if (line.holds.some((part) => text.includes(part))) line.held.push(text);
        else line.hear(text);
      }
    };
  }
}
window.WebSocket = function (address) {
  line.tries += 1;
  if (!line.isBlocked) return (line.socket = new Held(address));
  const nothing = { close() {}, send() {} };
  setTimeout(() => nothing.onclose({ code: 1006 }), 10);
  return nothing;
};
"""


def hand_over(person: Person) -> None:
    person.page.add_init_script(SOCKET)


def cut(person: Person) -> None:
    """The line breaks, and nothing comes through a new one."""
    person.page.evaluate("() => { line.isBlocked = true; line.socket?.close(); }")
    expect(person.page.locator("html")).not_to_have_attribute("data-connection", "online")


def mend(person: Person) -> None:
    """The next try comes through."""
    person.page.evaluate("() => { line.isBlocked = false; }")


def hold(person: Person, *parts: str) -> None:
    """Lines of the server with one of these words in them wait from now on."""
    person.page.evaluate("(parts) => { line.holds = parts; }", list(parts))


def let_go(person: Person, part: str) -> int:
    """What waits with this word in it is heard now. Returns how many lines that were."""
    heard: int = person.page.evaluate(
        """(part) => {
          const [now, later] = [[], []];
          for (const text of line.held) (text.includes(part) ? now : later).push(text);
          line.held = later;
          line.holds = line.holds.filter((one) => one !== part);
          now.forEach(line.hear);
          return now.length;
        }""",
        part,
    )
    return heard


def is_held(person: Person, part: str) -> None:
    person.page.wait_for_function(
        "(part) => line.held.some((text) => text.includes(part))", arg=part
    )


class HeldRequests:
    """Requests of the page to an address like this wait from now on."""

    def __init__(self, person: Person, address: str) -> None:
        self._page = person.page
        self._address = re.compile(address)
        self._routes: list[Route] = []
        self._page.route(self._address, lambda route: self._routes.append(route))

    def let_go(self, *, ending: str = "") -> None:
        """Those that wait, with this ending, are sent now; the first one is waited for."""
        wait_until(lambda: bool(self._waiting(ending)), seconds=15, what="a request to let go")
        for route in self._waiting(ending):
            self._routes.remove(route)
            route.continue_()

    def let_go_of_all(self) -> None:
        """And of those that are still to come."""
        self.let_go()
        self._page.unroute(self._address)

    def _waiting(self, ending: str) -> list[Route]:
        self._page.evaluate("true")  # what came meanwhile is told of now
        return [route for route in self._routes if route.request.url.endswith(ending)]


def say(person: Person, frame: dict[str, Any]) -> None:
    """As if the server had said it."""
    person.page.evaluate("(frame) => line.hear(JSON.stringify(frame))", frame)


def sleep_over(person: Person, milliseconds: int) -> None:
    """The machine's clock stands so much later, and the page did not notice the time pass."""
    person.page.evaluate(
        "(by) => { const now = Date.now; Date.now = () => now() + by; }", milliseconds
    )


def sign_out(person: Person, page: Page) -> None:
    """In another tab of the same browser. What the first one still asks is answered with 401."""
    person.expects("401")
    page.goto(person.base_url)
    page.click("#my-menu")
    page.get_by_role("menuitem", name="Sign out").click()
    page.wait_for_url("**/sign-in**")


def sign_in_at(person: Person, page: Page, username: str, address: str) -> None:
    page.goto(person.base_url + "/sign-in")
    page.fill("[name=username]", username)
    page.fill("[name=password]", PASSWORD)
    page.click("main button.primary")
    expect(page.locator("#chat-list")).to_be_attached()
    page.goto(address)
