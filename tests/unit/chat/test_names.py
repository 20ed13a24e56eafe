"""What usernames and names may be, alphabet by alphabet, and which of them look alike."""

from __future__ import annotations

import hashlib
import sys
import unicodedata

import pytest

from chat.content.lookalikes import skeleton
from chat.content.names import (
    NAME_LENGTH,
    RESERVED,
    USERNAME_LENGTH,
    check_name,
    check_not_reserved,
    check_username,
    normal_form,
)
from chat.errors import BadTextError, ChatError, EmptyTextError, TooLongError
from chat.models.people import SKELETON_LENGTH
from tests.support.properties import hypothesis
from tests.support.properties import strategies as st

# As typed, and as it is kept.
TAKEN_AS = {
    "anna": "anna",
    " Anna\t": "anna",
    "ANNA.P+work-2_x@example.org": "anna.p+work-2_x@example.org",
    "7": "7",
    "2fast": "2fast",
    "ａｎｎａ": "anna",  # full width
    "ﬁona": "fiona",  # a ligature
    "anna²": "anna2",
    "Ⅷ": "viii",
    "José": "josé",
    "Jose\u0301": "josé",
    "Анна": "анна",
    "Андреи\u0306": "андрей",
    "ЁЖИК-7": "ёжик-7",
    "Іван": "іван",
    "ΓΙΑΝΝΗΣ": "γιαννης",
    "straße": "straße",
    "ılgaz": "ılgaz",
    "Əli": "əli",
    "علی": "علی",
    "علی_7": "علی_7",
    "דויד": "דויד",
    "山田": "山田",
    "山田たろう": "山田たろう",
    "ｱｲｽ": "アイス",  # half width
    "サーバー": "サーバー",
    "김철수": "김철수",
    "გიორგი": "გიორგი",
    "Արամ": "արամ",
    "abcdefghijklmnopqrstuvwxyz012345": "abcdefghijklmnopqrstuvwxyz012345",
    "и\u0306" * USERNAME_LENGTH: "й" * USERNAME_LENGTH,
    "ali": "ali",
    "botanik": "botanik",
    "admiral": "admiral",
}
# As typed, and a word of what is said.
REFUSED = {
    "": "Choose a username",
    "   ": "Choose a username",
    "\u200b": "Use only letters",
    "a" * 33: "too long",
    "ﬃ" * 11: "too long",  # 33 letters
    "a" * 1_000_000: "too long",
    "ﷺﷺﷺ": "too long",
    "ﷺ": "Use only letters",
    "⑴admin": "Use only letters",
    "½x": "Use only letters",
    "anna\u037a": "Use only letters",
    "an na": "Use only letters",
    "<script>": "Use only letters",
    "anna\0": "Use only letters",
    "an\ud800na": "Use only letters",
    "anna😀": "Use only letters",
    "anna\u200d": "Use only letters",
    "an\u00adna": "Use only letters",
    "\u202eanna": "Use only letters",
    "anna\ufeff": "Use only letters",
    "q\u0303x": "Use only letters",  # an accent that is no part of a letter
    "a\u0336n": "Use only letters",
    "İbrahim": "Use only letters",
    "हिन्दी": "Use only letters",
    "ᴀnna": "Use only letters",  # small capital
    "anɢa": "Use only letters",
    "ǃanna": "Use only letters",  # a click, drawn as an exclamation mark
    "ʼanna": "Use only letters",
    "anna٣": "Use only letters",
    "\u3164\u3164": "Use only letters",  # Hangul fillers
    "\u1160": "Use only letters",
    "𐌰𐌽𐌽𐌰": "Use only letters",  # Gothic
    "\U000e0061": "Use only letters",
    ".": "must begin and end",
    "...": "must begin and end",
    "_anna": "must begin and end",
    "anna-": "must begin and end",
    "an..na": "must begin and end",
    "an._na": "must begin and end",
    "аnna": "one alphabet",  # Cyrillic а
    "annа": "one alphabet",
    "annα": "one alphabet",
    "αлла": "one alphabet",
    "anna山": "one alphabet",
    "한たろう": "one alphabet",
    "7علی": "right to left",
    "bot-7": "name is reserved",
    "Bot-x": "name is reserved",
    "b0t-x": "name is reserved",
    "deleted-7": "name is reserved",
    "deIeted-7": "name is reserved",
    "de1eted-x": "name is reserved",
}
TWINS = [
    ("anna", "Anna"),
    ("anna", "аnna"),
    ("anna", "аппа"),
    ("anna", "ánna"),
    ("anna", "ạnna"),
    ("modern", "modem"),
    ("alice", "a1ice"),
    ("alice", "aIice"),
    ("alice", "aiice"),
    ("oleg", "0leg"),
    ("cop", "сор"),
    ("paypal", "раураӏ"),
    ("kot", "кот"),
    ("savva", "sawa"),
    ("семён", "семен"),
    ("ilgaz", "ılgaz"),
    ("strasse", "straße"),
    ("ιωαννης", "ΙΩΑΝΝΗΣ"),
    ("علی", "على"),
    ("山一", "山ー"),
]
APART = [
    ("anna", "hanna"),
    ("anna", "anna2"),
    ("anna-petrova", "anna.petrova"),
    ("ivan", "иван"),
    ("маша", "masha"),
    ("john", "joan"),
    ("김", "긴"),
    ("山", "川"),
    ("user10", "user12"),
]


def said_of(check, name: str) -> str:
    with pytest.raises(ChatError) as refusal:
        check(name)
    return str(refusal.value.detail)


class TestAUsername:
    @pytest.mark.parametrize(("typed", "kept"), TAKEN_AS.items(), ids=ascii)
    def test_is_kept_in_its_normal_form(self, typed, kept):
        assert check_username(typed) == kept
        assert check_username(kept) == kept

    @pytest.mark.parametrize(
        ("typed", "words"), REFUSED.items(), ids=lambda value: ascii(value)[:40]
    )
    def test_that_is_refused_says_what_to_change(self, typed, words):
        assert words in said_of(check_username, typed)

    def test_too_long_by_a_million_is_not_even_normalised(self):
        with pytest.raises(TooLongError):
            check_username("\u0301" * 1_000_000)

    @pytest.mark.parametrize("sign", "._-+@")
    def test_may_have_signs_between_letters(self, sign):
        assert check_username(f"a{sign}b{sign}c") == f"a{sign}b{sign}c"

    @hypothesis.given(st.text(st.characters(codec=None), max_size=40))
    def test_of_any_characters_is_refused_with_words_or_kept_as_it_looks(self, typed):
        try:
            name = check_username(typed)
        except ChatError:
            return
        assert name == normal_form(name) == unicodedata.normalize("NFKC", name) == name.lower()
        assert 0 < len(name) <= USERNAME_LENGTH
        assert 0 < len(skeleton(name)) <= SKELETON_LENGTH
        assert not any(unicodedata.category(c)[0] in "MCZ" for c in name)

    @hypothesis.given(st.text("aаАA0oOоlI1iіmrnvw.-é\u0301", min_size=1, max_size=12))
    def test_is_one_whatever_form_it_is_typed_in(self, typed):
        try:
            name = check_username(typed)
        except ChatError:
            return
        for form in ("NFC", "NFD", "NFKC", "NFKD"):
            assert check_username(unicodedata.normalize(form, typed)) == name
            assert check_username(unicodedata.normalize(form, typed.upper())) == name


class TestReservedWords:
    @pytest.mark.parametrize("word", RESERVED.split())
    def test_are_kept(self, word):
        for name in (word, word.upper(), f"{word[0]}.{word[1:]}", f" ★{word}★ "):
            assert "name is reserved" in said_of(check_not_reserved, name)

    @pytest.mark.parametrize(
        "name",
        ["аdmin", "adrnin", "admln", "adm1n", "a1l", "AII", "rооt", "sуstеm", "Ƅot", "d.e-leted"],
    )
    def test_are_kept_however_they_are_drawn(self, name):
        assert "name is reserved" in said_of(check_not_reserved, name)

    @pytest.mark.parametrize(
        "name", ["Deleted account", "DELETED  ACCOUNT", "Удалённый аккаунт", "Удаленный аккаунт"]
    )
    def test_are_also_what_is_shown_of_those_who_have_gone(self, name):
        assert "name is reserved" in said_of(check_not_reserved, name)

    @pytest.mark.parametrize("name", ["ali", "Ali", "admiral", "allan", "botanik", "Анна", "😀"])
    def test_leave_names_of_people_alone(self, name):
        check_not_reserved(name)


class TestASkeleton:
    @pytest.mark.parametrize(("one", "other"), TWINS)
    def test_is_one_for_names_that_look_alike(self, one, other):
        assert skeleton(one) == skeleton(other)

    @pytest.mark.parametrize(("one", "other"), APART)
    def test_is_another_for_names_that_do_not(self, one, other):
        assert skeleton(one) != skeleton(other)

    @hypothesis.given(st.text(st.characters(codec="utf-8"), max_size=32))
    def test_is_its_own_skeleton(self, name):
        assert skeleton(skeleton(name)) == skeleton(name)

    def test_of_every_letter_is_found_and_is_what_the_database_has(self):
        """They are stored: whoever changes them, or the package, adds a migration that notes them
        again, and then the digest here.
        """
        letters = filter(str.isalnum, map(chr, range(sys.maxunicode + 1)))
        known = [letter for letter in letters if unicodedata.ucd_3_2_0.category(letter) != "Cn"]
        digest = hashlib.sha256("\n".join(map(skeleton, known)).encode()).hexdigest()
        assert digest[:16] == "dd22e7169a26e666"


class TestAName:
    @pytest.mark.parametrize(
        ("typed", "kept"),
        [
            ("  Анна \n Петрова ", "Анна Петрова"),
            ("Jose\u0301", "José"),
            ("ｱｲｽ", "ｱｲｽ"),
            ("Anna 😀", "Anna 😀"),
            ("👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"),
            ("❤\ufe0f", "❤\ufe0f"),
            ("می\u200cخواهم", "می\u200cخواهم"),
            ("हिन्दी", "हिन्दी"),
            ("กิ่ง", "กิ่ง"),
            ("anna@example.org", "anna@example.org"),
            ("O'Neil & Sons (7)", "O'Neil & Sons (7)"),
            ("x" * NAME_LENGTH, "x" * NAME_LENGTH),
            ("и\u0306" * NAME_LENGTH, "й" * NAME_LENGTH),
        ],
        ids=ascii,
    )
    def test_is_kept_as_it_looks(self, typed, kept):
        assert check_name(typed) == kept

    @pytest.mark.parametrize(
        ("typed", "error"),
        [
            ("", EmptyTextError),
            ("\u200d\u200d", EmptyTextError),
            ("\u3164", EmptyTextError),
            ("\u0301", EmptyTextError),
            ("anna\u3164", BadTextError),
            ("\u202eanna", BadTextError),
            ("an\u2066na", BadTextError),
            ("an\u200bna", BadTextError),
            ("anna\u200e", BadTextError),
            ("an\u00adna", BadTextError),
            ("anna\u2800", BadTextError),
            ("a\0b", BadTextError),
            ("a\ud800", BadTextError),
            ("a\ue000", BadTextError),
            ("a" + "\u0301" * 6, BadTextError),
            ("@anna", BadTextError),
            ("Anna @anna", BadTextError),
            ("Anna (@anna)", BadTextError),
            ("x" * (NAME_LENGTH + 1), TooLongError),
            ("\u0301" * 1_000_000, TooLongError),
        ],
        ids=lambda value: ascii(value)[:40],
    )
    def test_is_refused_where_it_hides_something(self, typed, error):
        with pytest.raises(error):
            check_name(typed)

    @hypothesis.given(st.text(st.characters(codec=None), max_size=80))
    def test_of_any_characters_is_refused_or_kept_in_one_form(self, typed):
        try:
            name = check_name(typed)
        except ChatError:
            return
        assert name == check_name(name) == unicodedata.normalize("NFC", name)
        assert 0 < len(name) <= NAME_LENGTH
        assert "\n" not in name
