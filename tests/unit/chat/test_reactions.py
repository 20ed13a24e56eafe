"""A reaction is exactly one emoji, in one spelling however it was written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from emoji import EMOJI_DATA, STATUS

from chat.content.reactions import check_reaction, qualified
from chat.errors import BadTextError
from chat.models.messages import EMOJI_LENGTH

pytestmark = pytest.mark.embedded

SCRIPTS = Path(__file__).parents[3] / "chat" / "static" / "chat" / "js"
SELECTOR, JOINER = "\ufe0f", "\u200d"
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"
TAGS = "\U000e0067\U000e0062{}\U000e007f"

TAKEN = {
    "a thumb": "👍",
    "a thumb of a skin": "\U0001f44d\U0001f3fd",
    "a heart": "\u2764\ufe0f",
    "a heart on fire": "\u2764\ufe0f\u200d\U0001f525",
    "a keycap": "1\ufe0f\u20e3",
    "a family": FAMILY,
    "a couple of two skins": "\U0001f469\U0001f3fb\u200d\u2764\ufe0f\u200d\U0001f468\U0001f3ff",
    "a flag": "\U0001f1f7\U0001f1fa",
    "a flag of tags": "\U0001f3f4" + TAGS.format("\U000e0073\U000e0063\U000e0074"),
    "a rainbow flag": "\U0001f3f3\ufe0f\u200d\U0001f308",
    "an eye in a bubble": "\U0001f441\ufe0f\u200d\U0001f5e8\ufe0f",
    "a smile older than emoji": "\u263a\ufe0f",
    "a copyright sign": "\u00a9\ufe0f",
    "one newer than Python's tables": "\U0001fae8",
}
REFUSED = {
    "nothing": "",
    "a word": "дурак",
    "letters": "ok",
    "a digit": "1",
    "a digit with a selector": "1\ufe0f",
    "a keycap without its digit": "\ufe0f\u20e3",
    "a mark": "?!",
    "two emoji": "👍👍",
    "two with a space": "👍 👍",
    "a letter behind one": "👍a",
    "a newline behind one": "👍\n",
    "a skin tone alone": "\U0001f3fd",
    "red hair alone": "\U0001f9b0",
    "two skin tones": "\U0001f44d\U0001f3fd\U0001f3fd",
    "a regional letter alone": "\U0001f1fa",
    "no country's flag": "\U0001f1fd\U0001f1fd",
    "three regional letters": "\U0001f1fa\U0001f1f3\U0001f1fa",
    "a joiner": JOINER,
    "a selector": SELECTOR,
    "a joiner behind one": "👍" + JOINER,
    "two joined that are none": "👍" + JOINER + "🎉",
    "a family of ten": JOINER.join(["\U0001f468"] * 10),
    "tags that are no flag": "\U0001f3f4" + TAGS.format("\U000e007a\U000e007a\U000e007a"),
    "tags without an end": "\U0001f3f4\U000e0067\U000e0062",
    "one asked for as text": "\u2764\ufe0e",
    "marks on a letter": "a" + "\u0301" * 10,
    "an accent over one": "👍\u0301",
    "one in invisible wrapping": "\u200b👍",
    "turned round": "\u202e👍",
    "NUL": "👍\0",
    "a lone surrogate": "\ud83d",
    "markup": "<b>",
    "a private character": "\ue000",
    "one many times": "👍" * 1000,
}


class TestReaction:
    @pytest.mark.parametrize("emoji", TAKEN.values(), ids=TAKEN.keys())
    def test_is_one_emoji(self, emoji):
        assert check_reaction(emoji) == emoji

    @pytest.mark.parametrize("emoji", TAKEN.values(), ids=TAKEN.keys())
    def test_is_the_same_without_its_selectors(self, emoji):
        assert check_reaction(emoji.replace(SELECTOR, "")) == emoji
        assert check_reaction(emoji.replace(SELECTOR, "") + SELECTOR) == emoji

    @pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
    def test_is_nothing_else(self, text):
        with pytest.raises(BadTextError) as refused:
            check_reaction(text)
        assert "one emoji" in str(refused.value.detail)

    def test_is_any_that_unicode_recommends_and_fits_its_column(self):
        for emoji, about in EMOJI_DATA.items():
            if about["status"] != STATUS["component"]:
                kept = check_reaction(emoji)
                assert check_reaction(kept) == kept
                assert len(kept) <= EMOJI_LENGTH

    def test_may_be_every_one_that_the_page_offers(self):
        offered = re.search(
            r"const QUICK = \[(.*)\]", (SCRIPTS / "page/message-actions.js").read_text()
        )
        assert offered is not None
        emoji = re.findall(r'"(.+?)"', offered[1])
        assert len(emoji) == 6
        assert [check_reaction(one) for one in emoji] == emoji


class TestKeptReaction:
    def test_that_is_no_emoji_stays_what_it_is(self):
        assert qualified("дурак") == "дурак"
        assert qualified("\u2764") == "\u2764\ufe0f"
