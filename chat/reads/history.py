"""Pages of a chat for those who are in it: by place (seq) and by change (revision)."""

from __future__ import annotations

from collections.abc import Iterable

from chat.models import Chat, Message
from chat.wire.payloads import Payload, change_payload, message_payload, timestamp

PAGE_MESSAGES = 50
PAGE_CHANGES = 200
# The newest earlier wordings; nobody reads further back.
MAX_WORDINGS = 50


def newest_page(chat_id: int) -> Payload:
    return page_before(chat_id, 2**63 - 1)


def page_before(chat_id: int, seq: int) -> Payload:
    """The messages just before `seq`, ascending."""
    rows = Message.objects.filter(chat_id=chat_id).before_seq(seq).for_display()
    older = list(rows[: PAGE_MESSAGES + 1])
    page = older[:PAGE_MESSAGES][::-1]
    last = page[-1].seq if page else seq - 1
    return _page(page, before_more=len(older) > PAGE_MESSAGES, after_more=_is_more(chat_id, last))


def page_around(chat_id: int, seq: int) -> Payload:
    """A page with `seq` in its middle, as far as there are messages on both sides."""
    half = PAGE_MESSAGES // 2
    messages = Message.objects.filter(chat_id=chat_id)
    older = list(messages.before_seq(seq).for_display()[: half + 1])
    newer = list(messages.from_seq(seq).for_display()[: half + 1])
    return _page(
        older[:half][::-1] + newer[:half],
        before_more=len(older) > half,
        after_more=len(newer) > half,
    )


def changes_after(chat_id: int, revision: int, *, limit: int = PAGE_CHANGES) -> Payload:
    """What changed after `revision`: each changed message as it is now, oldest change first.

    Whoever applies it has everything up to the answer's `revision`; with `more`, the rest follows
    from there. A message that changed several times comes once, at its newest revision.
    """
    # The head is read first: what commits in between is in the rows or comes next time.
    head = Chat.objects.values_list("revision", flat=True).get(pk=chat_id)
    rows = Message.objects.filter(chat_id=chat_id).after_revision(revision).for_display()
    messages = list(rows[: limit + 1])
    more = len(messages) > limit
    page = messages[:limit]
    reached = max([message.revision for message in page], default=revision)
    return {
        "after": revision,
        "revision": reached if more else max(head, reached),
        "more": more,
        "changes": [change_payload(message) for message in page],
    }


def earlier_wordings(message: Message) -> list[Payload]:
    """The oldest first; none of a message that may not be read."""
    if not message.is_readable:
        return []
    edits = message.edits.order_by("-pk")[:MAX_WORDINGS].values("content", "edited_at")
    return [{**edit, "edited_at": timestamp(edit["edited_at"])} for edit in reversed(edits)]


def heads_of(chat_ids: Iterable[int]) -> dict[int, int]:
    """The newest revision of each chat."""
    return dict(Chat.objects.filter(pk__in=list(chat_ids)).values_list("pk", "revision"))


def _is_more(chat_id: int, seq: int) -> bool:
    return Message.objects.filter(chat_id=chat_id, seq__gt=seq).exists()


def _page(messages: list[Message], *, before_more: bool, after_more: bool) -> Payload:
    return {
        "messages": [message_payload(message) for message in messages],
        "before_more": before_more,
        "after_more": after_more,
    }
