"""The search on PostgreSQL: full text in Russian and English, on the index `message_words_by_chat`.

The configuration `russian` knows the forms of words of both languages (Latin letters go to the
English stemmer); `simple` adds words as they stand: names, numbers, beginnings of words, and the
small words ("не", "to be") that languages leave out.

A message's chat is a word of it, too. Where few chats are searched, the index itself finds what is
in them: without that, a frequent word in quiet chats had to be looked for in everybody's messages.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from django.db import OperationalError, connection, transaction
from django.db.models import BooleanField, F
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext_lazy as _

from chat.errors import UnavailableError
from chat.models import Message
from chat.models.messages import MessageQuerySet
from chat.search.found import Found
from chat.search.words import Hit, Term, places_of_words

CONFIGURATIONS = ("russian", "simple")
TIMEOUT_MS = 3000
# What matches so often is met soon from the newest back; what does not is quickly sorted.
FREQUENT = 20_000
QUERY_CANCELED = "57014"

VECTOR = "(to_tsvector('russian', {0}) || to_tsvector('simple', {0}))"
# The index's own expression, to the letter (a migration made it).
INDEXED = (
    '(to_tsvector(\'russian\', "chat_message"."content")'
    ' || to_tsvector(\'simple\', "chat_message"."content")'
    ' || array_to_tsvector(ARRAY[\'/chat\' || "chat_message"."chat_id"::text]))'
)
# Of more chats the index is not asked: their messages are common enough to be met soon.
MAX_NAMED_CHATS = 200


def find(
    messages: MessageQuerySet, terms: Sequence[Term], *, chat_ids: Collection[int], limit: int
) -> Found:
    """`chat_ids`: the chats that `messages` are of."""
    query, parameters = _all_of(terms)
    is_named = len(chat_ids) <= MAX_NAMED_CHATS
    if is_named:
        query = f"({query}) && %s::tsquery"
        parameters.append(" | ".join(f"'/chat{chat_id}'" for chat_id in chat_ids))
    # What was typed goes as parameters alone.
    matches = RawSQL(f"{INDEXED} @@ ({query})", parameters, output_field=BooleanField())  # noqa: S611
    try:
        with transaction.atomic():
            _limit_time()
            found = messages.filter(matches)
            if is_named or _match_few(matches):
                # Not by the bare id: PostgreSQL takes the beginning of a word for more frequent
                # than most are, and would read messages from the newest back to find it.
                found = found.order_by((F("pk") + 0).desc())
            rows = list(found[: limit + 1])
            page = rows[:limit]
            return Found(page, _hits(page, terms), page[-1].pk if len(rows) > limit else None)
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") != QUERY_CANCELED:
            raise
        detail = _("This search takes too long. Add a word, or search in one chat.")
        raise UnavailableError(detail) from error


def _match_few(matches: RawSQL) -> bool:
    return Message.objects.filter(matches)[:FREQUENT].count() < FREQUENT


def _limit_time() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = {TIMEOUT_MS}")


def _hits(messages: Iterable[Message], terms: Sequence[Term]) -> list[list[Hit]]:
    """The places of the words that the index would have found, by the index's own rules."""
    places = [places_of_words(message.content) for message in messages]
    matching = _matching_words({word for found in places for word, _ in found}, terms)
    return [[hit for word, hit in found if word in matching] for found in places]


def _matching_words(words: set[str], terms: Sequence[Term]) -> set[str]:
    query, parameters = _any_of(terms)
    matches = f"{VECTOR.format('word')} @@ ({query})"
    sql = f"SELECT word FROM unnest(%s::text[]) AS word WHERE {matches}"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(sql, [sorted(words), *parameters])
        return {word for (word,) in cursor.fetchall()}


def _all_of(terms: Sequence[Term]) -> tuple[str, list[str]]:
    """All terms in the languages' forms, or all of them as they stand."""
    halves = [
        " && ".join(_sql(configuration, is_beginning=_is_beginning(term, terms)) for term in terms)
        for configuration in CONFIGURATIONS
    ]
    return " || ".join(f"({half})" for half in halves), [term.text for term in terms] * len(halves)


def _any_of(terms: Sequence[Term]) -> tuple[str, list[str]]:
    """Any single word of the terms."""
    words = [
        (word, _is_beginning(term, terms) and place == len(term.words))
        for term in terms
        for place, word in enumerate(term.words, start=1)
    ]
    sql = [
        _sql(configuration, is_beginning=is_beginning)
        for _word, is_beginning in words
        for configuration in CONFIGURATIONS
    ]
    return " || ".join(sql), [word for word, _ in words for _configuration in CONFIGURATIONS]


def _is_beginning(term: Term, terms: Sequence[Term]) -> bool:
    return term is terms[-1] and term.may_go_on


def _sql(configuration: str, *, is_beginning: bool) -> str:
    """A term as a query; an empty one where the language leaves all of its words out."""
    words = f"phraseto_tsquery('{configuration}', %s)"
    if not is_beginning:
        return words
    # A query as text is quoted by PostgreSQL itself; `:*` then belongs to its last word.
    return f"coalesce((nullif({words}::text, '') || ':*')::tsquery, '')"
