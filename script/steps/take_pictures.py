"""script/pictures: two of the demo people talk in a throw-away chat, and the screens are kept."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests import browser
from tests.servers import environment, manage, start_server

IMAGES = Path(__file__).resolve().parents[2] / "docs/images"
LOBBY = "Lobby"
DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "has_touch": True,
    "is_mobile": True,
}
PLAN = "Вот план: https://example.org/plan\n**Суббота, 10:00**, берём `lopata.md` 🙂"


class Studio:
    def __init__(self, chromium: Browser, url: str, password: str) -> None:
        self.chromium = chromium
        self.url = url
        self.password = password

    def open(self, username: str, language: str, **options: Any) -> Page:
        page = self.chromium.new_context(locale="ru-RU", **options).new_page()
        page.goto(f"{self.url}/sign-in")
        page.fill("[name=username]", username)
        page.fill("[name=password]", self.password)
        page.click("main button.primary")
        page.goto(f"{self.url}/profile")
        page.select_option("[name=language]", language)
        page.click("main button.primary")
        page.goto(self.url)
        expect(page.locator("html")).to_have_attribute("data-connection", "online")
        return page

    def keep(self, page: Page, name: str) -> None:
        IMAGES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=IMAGES / f"{name}.png", animations="disabled", caret="hide")
        print(f"docs/images/{name}.png", file=sys.stderr)


def enter(page: Page, title: str) -> None:
    page.locator("#chat-list .row", has_text=title).click()
    expect(page.locator("#message")).to_be_visible()
    expect(page.locator(".message").first).to_be_attached()
    page.keyboard.press("Escape")
    # Read to the end: nothing is left to move on the page.
    expect(page.locator("#chat-list [aria-current] .badge")).to_have_count(0)


def say(page: Page, text: str) -> None:
    page.fill("#message", text)
    page.click(".send")
    expect(page.locator(".message .ticks.clock")).to_have_count(0)


def act_on(page: Page, text: str, button: int) -> None:
    message = page.locator(".message", has_text=text).last
    message.hover()
    message.locator(".tools button").nth(button).click()


def talk(anna: Page, boris: Page) -> None:
    for page in (anna, boris):
        enter(page, LOBBY)
    say(boris, PLAN)
    act_on(anna, "Вот план", 1)
    say(anna, "Отлично, я приду. А вы?")
    act_on(boris, "Отлично, я приду", 0)
    boris.locator(".menu .quick button").first.click()
    act_on(anna, "Вот план", 0)
    anna.locator(".menu .quick button").nth(1).click()
    say(anna, "🎉")
    expect(anna.locator(".ticks.delivered, .ticks.published, .ticks.read").first).to_be_visible()
    anna.mouse.move(0, 0)


def take(studio: Studio) -> None:
    boris = studio.open("boris", "ru", **DESKTOP)
    anna = studio.open("anna", "ru", **DESKTOP)
    talk(anna, boris)
    studio.keep(anna, "desktop-light-ru")
    anna.click("#show-members")
    expect(anna.locator(".side .row")).to_have_count(3)
    studio.keep(anna, "desktop-members-ru")

    carol = studio.open("carol", "en", color_scheme="dark", **DESKTOP)
    enter(carol, LOBBY)
    carol.fill("#message", "See you there")
    boris.locator("#message").press_sequentially("И я")
    expect(carol.locator("#typing")).not_to_be_empty()
    studio.keep(carol, "desktop-dark-en")

    phone = studio.open("anna", "ru", **PHONE)
    studio.keep(phone, "phone-list-light-ru")
    phone = studio.open("carol", "en", color_scheme="dark", **PHONE)
    enter(phone, LOBBY)
    studio.keep(phone, "phone-chat-dark-en")
    phone.context.set_offline(True)
    phone.fill("#message", "Written on the train")
    phone.tap(".send")
    expect(phone.locator("#banner")).to_be_visible()
    studio.keep(phone, "phone-offline-dark-en")

    visitor = studio.chromium.new_context(locale="en-GB", **DESKTOP).new_page()
    visitor.goto(f"{studio.url}/sign-in")
    studio.keep(visitor, "sign-in-light-en")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        url = f"sqlite:///{folder}/webchat.sqlite3"
        with start_server(url) as server:
            done = manage("seed_demo", env=environment(url))
            if done.returncode:
                sys.exit(done.stderr)
            chromium = playwright.chromium.launch(
                executable_path=browser.find(), args=browser.FLAGS
            )
            # seed_demo says how to sign in; its last word is the password.
            take(Studio(chromium, server.url, done.stdout.split()[-1]))
            chromium.close()


main()
