"""What is typed into the search field, and the part of a message that is shown."""

from __future__ import annotations

import pytest

from chat.errors import BadTextError, EmptyTextError, TooLongError
from chat.search.excerpts import EXCERPT_LENGTH, excerpt_around
from chat.search.queries import beginning_of
from chat.search.words import QUERY_LENGTH, Term, parse_query


def quoted(text: str) -> Term:
    return Term(text, is_quoted=True)


class TestParseQuery:
    @pytest.mark.parametrize(
        ("typed", "terms"),
        [
            ("garden", [Term("garden")]),
            ("  два   слова ", [Term("два"), Term("слова")]),
            ('"to be" or', [quoted("to be"), Term("or")]),
            ("«до свидания»", [quoted("до свидания")]),
            ("“as typed”", [quoted("as typed")]),
            ('"never closed', [Term("never"), Term("closed")]),
            ('before"in"after', [Term("before"), quoted("in"), Term("after")]),
            ("e-mail:ann@example.com", [Term("e-mail:ann@example.com")]),
            ("-minus %_ & | ! <-> :*", [Term("-minus")]),
            ("'; DROP TABLE x; --", [Term("DROP"), Term("TABLE"), Term("x;")]),
        ],
    )
    def test_reads_words_and_phrases(self, typed, terms):
        assert parse_query(typed) == terms

    @pytest.mark.parametrize("typed", ["", "  ", '""', "!?…", "👍", "«»", "%_", "\u200b"])
    def test_asks_for_a_word(self, typed):
        with pytest.raises(EmptyTextError, match="at least one word"):
            parse_query(typed)

    def test_has_a_limit(self):
        assert parse_query("x" * QUERY_LENGTH)
        with pytest.raises(TooLongError):
            parse_query("x" * (QUERY_LENGTH + 1))

    def test_refuses_what_no_message_can_hold(self):
        with pytest.raises(BadTextError):
            parse_query("a\0b")


class TestBeginningOf:
    @pytest.mark.parametrize(
        ("stem", "pattern"),
        [
            ("встреч", "встр[её]\u0308?"),
            ("йога", "[йи]\u0306?ог"),
            ("easi", "eas"),
            ("die", "d"),
            ("sky", "s"),
            ("к", "к"),
            ("kilo", "[k\N{KELVIN SIGN}][iİ]\u0307?l"),
            ("4711", "(?:^|[^0-9])4711(?:[^0-9]|$)"),
            ("a+b.c", "a.b."),
            ("λόγος", "..{1,2}.."),
        ],
    )
    def test_is_what_all_forms_of_a_word_have(self, stem, pattern):
        assert beginning_of(stem) == pattern


def found_in(content: str, word: str) -> tuple[str, list[str]]:
    """The excerpt, and what its hits mark."""
    start = content.index(word)
    shown = excerpt_around(content, [(start, start + len(word))])
    excerpt: str = shown["excerpt"]
    return excerpt, [excerpt[a:b] for a, b in shown["hits"]]


class TestExcerpt:
    def test_is_the_whole_of_a_short_message(self):
        assert found_in("see you tomorrow", "you") == ("see you tomorrow", ["you"])

    def test_of_a_long_one_is_cut_at_words_around_the_hit(self):
        content = "before " * 100 + "garden" + " after" * 100
        excerpt, marked = found_in(content, "garden")
        assert marked == ["garden"]
        assert excerpt.startswith("…before ")
        assert excerpt.endswith("after…")
        assert len(excerpt) <= EXCERPT_LENGTH + 2

    def test_is_on_one_line_with_the_places_as_they_were(self):
        assert found_in("one\r\n\ttwo\n🙂three", "three") == ("one   two 🙂three", ["three"])

    def test_counts_code_points(self):
        assert excerpt_around("🙂🙂 сад", [(3, 6)]) == {"excerpt": "🙂🙂 сад", "hits": [(3, 6)]}

    def test_cuts_a_word_without_an_end(self):
        content = "x" * 500 + "garden" + "x" * 500
        excerpt, marked = found_in(content, "garden")
        assert marked == ["garden"]
        assert len(excerpt) <= EXCERPT_LENGTH + 2

    def test_cuts_a_hit_that_is_longer_than_itself(self):
        shown = excerpt_around("y" * 1000, [(0, 1000)])
        assert shown["hits"] == [(0, EXCERPT_LENGTH)]

    def test_without_hits_is_the_beginning(self):
        assert excerpt_around("a b " * 200, [])["excerpt"].startswith("a b")
