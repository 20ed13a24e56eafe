"""What people write is kept as it was written, or refused with a code; it is never changed."""

from __future__ import annotations

import unicodedata

import pytest

from chat.content.text import check_content, check_title, excerpt
from chat.errors import BadTextError, EmptyTextError, TooLongError
from messaging.contract.schemas import find_schema
from tests.support.properties import hypothesis
from tests.support.properties import strategies as st

LONGEST = 4000
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"
INVISIBLE = {
    "spaces": "   ",
    "newlines and tabs": "\n\t\r\n",
    "no-break space": "\u00a0\u2007\u202f",
    "ideographic space": "\u3000",
    "zero-width space": "\u200b",
    "zero-width joiners": "\u200c\u200d",
    "byte order mark": "\ufeff",
    "word joiner": "\u2060",
    "soft hyphen": "\u00ad",
    "direction marks": "\u200e\u200f\u202e\u2066\u2069",
    "combining marks": "\u0301\u0308",
    "variation selectors": "\ufe0f\ufe0e\U000e0100",
    "tag characters": "\U000e0041\U000e007f",
    "line separators": "\u2028\u2029",
    "Hangul fillers": "\u115f\u1160\u3164\uffa0",
    "Braille blank": "\u2800",
    "Khmer inherent vowels": "\u17b4\u17b5",
    "Mongolian separators": "\u180e\u180b",
    "invisible operators": "\u2061\u2062\u2063\u2064",
    "unassigned ignorable": "\u2065\U000e0002",
    "noncharacters": "\ufdd0\uffff",
    "nothing": "",
}
KEPT = {
    "one letter": "a",
    "Russian": "Привет, мир!",
    "an emoji of many code points": FAMILY,
    "an emoji with a skin tone": "\U0001f44d\U0001f3fd",
    "a flag": "\U0001f1fa\U0001f1f3",
    "a keycap": "1\ufe0f\u20e3",
    "a heart newer than Python's tables": "\U0001fa77",
    "a face newer than Python's tables": "\U0001fae8",
    "right-to-left override": "abc\u202etxt.exe",
    "a thousand combining marks": "e" + "\u0301" * 1000,
    "outer spaces": "  indented\n\n",
    "carriage returns": "one\r\ntwo",
    "a tab": "\tcode",
    "markup": "<script>alert(1)</script> &amp; <b>",
    "punctuation only": "?!",
    "a backslash and zeros": "\\u0000",
    "letters among fillers": "\u3164a\u3164",
    "not composed": "e\u0301 is not \u00e9",
    "a private character": "\ue000 x",
}
MESSAGE = {"messageId": "1", "chatId": "1", "senderId": "1", "timestamp": "2026-11-23T10:15:00Z"}
CONTROL = [chr(n) for n in (*range(0x20), 0x7F, *range(0x80, 0xA0)) if chr(n) not in "\t\n\r"]


class TestContent:
    @pytest.mark.parametrize("text", KEPT.values(), ids=KEPT.keys())
    def test_is_kept_byte_for_byte(self, text):
        assert check_content(text) == text

    @pytest.mark.parametrize("text", KEPT.values(), ids=KEPT.keys())
    def test_that_is_kept_is_taken_by_the_topic(self, text):
        find_schema("chat-messages", 1).check({**MESSAGE, "content": text})

    @pytest.mark.parametrize("text", INVISIBLE.values(), ids=INVISIBLE.keys())
    def test_that_nobody_can_see_is_empty(self, text):
        with pytest.raises(EmptyTextError):
            check_content(text)

    def test_of_all_invisible_kinds_together_is_empty(self):
        with pytest.raises(EmptyTextError):
            check_content("".join(INVISIBLE.values()))

    @pytest.mark.parametrize("character", CONTROL, ids=lambda c: f"U+{ord(c):04X}")
    def test_with_a_control_character_is_refused(self, character):
        with pytest.raises(BadTextError):
            check_content(f"a{character}b")

    @pytest.mark.parametrize("number", [0xD800, 0xDBFF, 0xDC00, 0xDFFF], ids=hex)
    def test_with_a_lone_surrogate_is_refused(self, number):
        with pytest.raises(BadTextError):
            check_content(f"a{chr(number)}b")

    def test_with_surrogates_the_wrong_way_round_is_refused(self):
        with pytest.raises(BadTextError):
            check_content("\ude00\ud83d")

    @pytest.mark.parametrize("character", ["a", "я", "\U0001f600", "\u4e00"])
    def test_is_counted_in_code_points(self, character):
        assert check_content(character * LONGEST) == character * LONGEST
        with pytest.raises(TooLongError):
            check_content(character * (LONGEST + 1))

    def test_counts_every_code_point_of_an_emoji(self):
        with pytest.raises(TooLongError):
            check_content(FAMILY * (LONGEST // len(FAMILY) + 1))

    def test_too_long_is_said_before_empty(self):
        with pytest.raises(TooLongError):
            check_content(" " * (LONGEST + 1))

    @hypothesis.given(st.text(st.characters(codec=None), max_size=60))
    def test_is_kept_or_refused_and_never_changed(self, text):
        try:
            assert check_content(text) == text
        except BadTextError:
            assert any(unicodedata.category(c) in {"Cc", "Cs"} for c in text)
            return
        except EmptyTextError:
            assert not any(unicodedata.category(c)[0] in "LNPS" for c in text) or set(text) & set(
                INVISIBLE["Hangul fillers"] + INVISIBLE["Braille blank"]
            )
            return
        # What was accepted can be sent: the topic's contract takes it, too.
        find_schema("chat-messages", 1).check({**MESSAGE, "content": text})

    @hypothesis.given(st.text(alphabet="".join(INVISIBLE.values()), max_size=40))
    def test_of_any_mix_of_invisible_characters_is_empty(self, text):
        with pytest.raises(EmptyTextError):
            check_content(text)

    @hypothesis.given(
        st.text(alphabet="".join(INVISIBLE.values()), max_size=20),
        st.sampled_from("aя1?\u4e00\U0001f600"),
        st.text(alphabet="".join(INVISIBLE.values()), max_size=20),
    )
    def test_with_one_visible_character_is_not_empty(self, before, seen, after):
        assert check_content(before + seen + after) == before + seen + after


class TestTitle:
    def test_is_put_on_one_line_without_outer_spaces(self):
        assert check_title("  Our \n  chat\t") == "Our chat"

    def test_is_at_most_80_code_points(self):
        assert check_title("ё" * 80) == "ё" * 80
        with pytest.raises(TooLongError):
            check_title("ё" * 81)

    def test_does_not_count_the_spaces_that_it_drops(self):
        assert check_title(" " * 100 + "a" * 80) == "a" * 80

    @pytest.mark.parametrize("title", ["", "  \n ", "\u200b", "\u3164"])
    def test_must_be_seen(self, title):
        with pytest.raises(EmptyTextError):
            check_title(title)

    @pytest.mark.parametrize("title", ["a\0b", "a\x1bb", "\ud800"])
    def test_holds_no_control_character(self, title):
        with pytest.raises(BadTextError):
            check_title(title)


class TestExcerpt:
    def test_is_the_first_120_code_points(self):
        assert excerpt("😀" * 121) == "😀" * 120
        assert excerpt("short") == "short"
