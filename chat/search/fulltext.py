"""The search on PostgreSQL: the newest messages one by one, then `message_words_apart`.

Of a message that index has its words in both forms and, as words, its chat and how far back it
is: so one part of the past after the other is asked, the newest first, and the rest costs nothing.
Where few chats are searched, the index itself leaves out all others' messages.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from django.db import OperationalError, connection, transaction
from django.utils.translation import gettext_lazy as _

from chat.errors import UnavailableError
from chat.models import Message
from chat.models.messages import MessageQuerySet
from chat.search.found import Found, Scope
from chat.search.queries import VECTOR, all_of, any_of, beginning_of
from chat.search.walking import Sql, Walk, is_named, walk, walk_further
from chat.search.words import Hit, Term, places_of_words

TIMEOUT_MS: Final = 3000
QUERY_CANCELED: Final = "57014"
# As the index has them. No word that PostgreSQL finds in a text begins with this sign.
INDEXED: Final = f"""({VECTOR.format("content")}
    || array_to_tsvector(ARRAY['#chat' || chat_id::text, '#part' || (id >> 17)::text]))"""
PART_BITS: Final = 17  # of an id: a part has 131 thousand messages
# How many parts are asked first; then twice as many each time: what is met late costs as much again
# at most.
FIRST_PARTS: Final = 4
# For the index's list of what it has found. One that is too long says only in which page of the
# table to look, and the words of each message there are looked for anew.
LIST_MEMORY: Final = "64MB"
# So few messages in all chats that are searched need no parts.
FEW: Final = 20_000


def find(messages: MessageQuerySet, terms: Sequence[Term], *, scope: Scope, limit: int) -> Found:
    """`messages`: those within the scope, newest first."""
    try:
        with transaction.atomic():
            _set_limits()
            ids = _matching_ids(terms, scope, limit + 1)
            page = list(messages.filter(pk__in=ids[:limit]))
            return Found(page, _hits(page, terms), ids[limit - 1] if len(ids) > limit else None)
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") != QUERY_CANCELED:
            raise
        detail = _("This search takes too long. Add a word, or search in one chat.")
        raise UnavailableError(detail) from error


def _set_limits() -> None:
    """Until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('statement_timeout', %s, true),"
            " set_config('work_mem', %s, true),"
            # Parts are asked one after the other, until there are enough.
            " set_config('max_parallel_workers_per_gather', '0', true),"
            " set_config('jit', 'off', true)",
            [str(TIMEOUT_MS), LIST_MEMORY],
        )


def _matching_ids(terms: Sequence[Term], scope: Scope, limit: int) -> list[int]:
    """Newest first."""
    readable = _readable(scope)
    walked = walk(readable, scope)
    found = _ids(_walked(walked, terms), limit)
    if limit > len(found) >= limit // 4 and (further := walk_further(readable, scope, walked)):
        # So frequent a word is met sooner than the index has gathered it.
        walked = further
        found += _ids(_walked(walked, terms), limit - len(found))
    if len(found) < limit:
        parts = [
            _indexed(readable, terms, scope, end=end, places=places, limit=limit)
            for end, places in _places(walked, scope)
        ]
        found += _ids_of_parts(parts, limit - len(found))
    return found


def _ids_of_parts(parts: Sequence[Sql], limit: int) -> list[int]:
    """Each part is older than the one before it; PostgreSQL begins none that is not needed."""
    if not parts:
        return []
    text = " UNION ALL ".join(f"({part.text})" for part in parts)
    return _ids(Sql(text, [parameter for part in parts for parameter in part.parameters]), limit)


def _ids(sql: Sql, limit: int) -> list[int]:
    """Newest first."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id FROM ({sql.text}) AS found LIMIT {limit}", sql.parameters)  # noqa: S608
        return sorted((pk for (pk,) in cursor.fetchall()), reverse=True)


def _readable(scope: Scope) -> Sql:
    messages = Message.objects.readable().order_by()
    if scope.sender_id is not None:
        messages = messages.filter(sender_id=scope.sender_id)
    return Sql(*messages.values_list("id", "content").query.sql_with_params())


def _walked(walked: Walk, terms: Sequence[Term]) -> Sql:
    """OFFSET: the words of a message are looked for last, and of no more messages than needed."""
    query, typed = all_of(terms)
    patterns = [beginning_of(stem) for stem in _stems(terms)]
    conditions = ["content ~* %s"] * len(patterns) + [f"{VECTOR.format('content')} @@ ({query})"]
    text, parameters = walked.messages
    return Sql(
        f"SELECT id FROM ({text} OFFSET 0) AS walked WHERE {' AND '.join(conditions)}",  # noqa: S608
        [*parameters, *patterns, *typed],
    )


def _stems(terms: Sequence[Term]) -> list[str]:
    """Of the words that a language does not leave out."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT lexeme FROM unnest(%s::text[]) AS term,"
            " unnest(to_tsvector('russian', term)) ORDER BY lexeme",
            [[term.plain for term in terms]],
        )
        return [stem for (stem,) in cursor.fetchall()]


def _places(walked: Walk, scope: Scope) -> Iterator[tuple[int, list[str]]]:
    """What of the past is left, the newest first: each the id before which it ends, and its parts
    as words; none: all of them."""
    end = walked.floor if scope.before_id is None else min(walked.floor, scope.before_id)
    if end > 0 and walked.total is not None and walked.total <= FEW:
        yield end, []
        return
    number = FIRST_PARTS
    while end > 0:
        last = (end - 1) >> PART_BITS
        first = max(0, last + 1 - number)
        # The oldest ones are all that is left.
        yield end, [f"'#part{part}'" for part in range(first, last + 1)] if first else []
        end = first << PART_BITS
        number *= 2


def _indexed(
    readable: Sql, terms: Sequence[Term], scope: Scope, *, end: int, places: list[str], limit: int
) -> Sql:
    """`+ 0`: by the index of words, whatever PostgreSQL expects of the others."""
    query, parameters = all_of(terms)
    chats = [f"'#chat{chat_id}'" for chat_id in scope.chat_ids] if is_named(scope) else []
    for words in filter(None, (chats, places)):
        query = f"({query}) && %s::tsquery"
        parameters.append(" | ".join(words))
    text = f"""
        SELECT id FROM ({readable.text} AND (chat_id + 0) = ANY(%s::bigint[]) AND (id + 0) < %s
            AND {INDEXED} @@ ({query}) ORDER BY (id + 0) DESC LIMIT {limit}) AS part
    """  # noqa: S608
    return Sql(text, [*readable.parameters, list(scope.chat_ids), end, *parameters])


def _hits(messages: Iterable[Message], terms: Sequence[Term]) -> list[list[Hit]]:
    """The places of the words that the index would have found, by the index's own rules."""
    places = [places_of_words(message.content) for message in messages]
    matching = _matching_words({word for found in places for word, _ in found}, terms)
    return [[hit for word, hit in found if word in matching] for found in places]


def _matching_words(words: set[str], terms: Sequence[Term]) -> set[str]:
    query, parameters = any_of(terms)
    matches = f"{VECTOR.format('word')} @@ ({query})"
    sql = f"SELECT word FROM unnest(%s::text[]) AS word WHERE {matches}"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(sql, [sorted(words), *parameters])
        return {word for (word,) in cursor.fetchall()}
