"""script/pictures: two of the demo people talk in a throw-away chat, and the screens are kept."""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support import browser
from tests.support.servers import environment, manage, start_server

IMAGES = Path(__file__).resolve().parents[2] / "docs/images"
LOBBY = "Lobby"
DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "has_touch": True,
    "is_mobile": True,
}
MAKE_ROOT = """
from chat.models import User
User.objects.create_superuser("root", password="{password}")
"""
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
    for language in ("ru", "en"):
        for theme in ("light", "dark"):
            take_chat(studio, f"{theme}-{language}", language, theme)
    take_panels(studio, anna)
    take_waiting(studio)
    take_offline(studio)
    take_pages(studio)
    take_staff(studio)


def take_chat(studio: Studio, name: str, language: str, theme: str) -> None:
    page = studio.open("anna", language, color_scheme=theme, **DESKTOP)
    enter(page, LOBBY)
    studio.keep(page, f"desktop-{name}")
    phone = studio.open("anna", language, color_scheme=theme, **PHONE)
    studio.keep(phone, f"phone-list-{name}")
    enter(phone, LOBBY)
    studio.keep(phone, f"phone-chat-{name}")
    page.context.close()
    phone.context.close()


def take_panels(studio: Studio, anna: Page) -> None:
    anna.click("#show-members")
    expect(anna.locator("#members .row")).to_have_count(3)
    studio.keep(anna, "members-light-ru")
    anna.click("#search-messages")
    anna.fill("#search input", "план")
    expect(anna.locator("#search mark").first).to_be_visible()
    studio.keep(anna, "search-light-ru")
    anna.keyboard.press("Escape")
    anna.set_input_files(
        "#composer input[type=file]",
        {"name": "plan.png", "mimeType": "image/png", "buffer": picture()},
    )
    expect(anna.locator(".tray progress")).to_have_count(0)
    say(anna, "@carol, вот карта")
    studio.keep(anna, "attachment-light-ru")


def take_waiting(studio: Studio) -> None:
    """Somebody who was away: what waits for her, in the list and behind the bell."""
    carol = studio.open("carol", "en", color_scheme="dark", **DESKTOP)
    expect(carol.locator("#chat-list .badge").first).to_be_visible()
    carol.click("#bell")
    expect(carol.locator("dialog .row").first).to_be_visible()
    studio.keep(carol, "notifications-dark-en")


def take_offline(studio: Studio) -> None:
    phone = studio.open("boris", "en", color_scheme="dark", **PHONE)
    enter(phone, LOBBY)
    phone.context.set_offline(True)
    phone.fill("#message", "Written on the train")
    phone.tap(".send")
    expect(phone.locator("#banner")).to_be_visible()
    studio.keep(phone, "phone-offline-dark-en")


def take_pages(studio: Studio) -> None:
    visitor = studio.chromium.new_context(locale="en-GB", **DESKTOP).new_page()
    visitor.goto(f"{studio.url}/sign-in")
    studio.keep(visitor, "sign-in-light-en")
    visitor.goto(f"{studio.url}/sign-up")
    visitor.fill("[name=username]", "dave")
    visitor.fill("[name=password]", "a-long-password-9")
    visitor.click("main button.primary")
    expect(visitor.locator("#empty")).to_be_visible()
    studio.keep(visitor, "first-run-light-en")
    visitor.goto(f"{studio.url}/profile")
    studio.keep(visitor, "profile-light-en")


def take_staff(studio: Studio) -> None:
    root = studio.open("root", "en", **DESKTOP)
    root.goto(f"{studio.url}/admin/")
    studio.keep(root, "staff-light-en")
    root.goto(f"{studio.url}/admin/chat/message/")
    root.click("#result_list tbody a >> nth=0")
    studio.keep(root, "staff-message-light-en")


def picture() -> bytes:
    """A map of nowhere."""
    drawn = Image.new("RGB", (640, 360), "#cfe3d4")
    pen = ImageDraw.Draw(drawn)
    pen.line([(0, 300), (220, 180), (640, 120)], fill="#ffffff", width=26)
    pen.line([(300, 0), (330, 160), (280, 360)], fill="#ffffff", width=18)
    pen.rectangle((380, 190, 520, 290), fill="#9fc3a8")
    pen.ellipse((300, 120, 350, 170), fill="#c8553d")
    content = io.BytesIO()
    drawn.save(content, format="PNG")
    return content.getvalue()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        url = f"sqlite:///{folder}/webchat.sqlite3"
        with start_server(url, MEDIA_ROOT=folder) as server:
            done = manage("seed_demo", env=environment(url))
            if done.returncode:
                sys.exit(done.stderr)
            # It says how to sign in; its last word is the password.
            password = done.stdout.split()[-1]
            made = manage("shell", "-c", MAKE_ROOT.format(password=password), env=environment(url))
            if made.returncode:
                sys.exit(made.stderr)
            chromium = playwright.chromium.launch(
                executable_path=browser.find(), args=browser.FLAGS
            )
            take(Studio(chromium, server.url, password))
            chromium.close()


main()
