"""Saves a batch of posts, and replies to each."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from chat.database.threads import DatabaseThreads
from chat.errors import UnavailableError
from chat.services.posting.posting import post_messages
from chat.services.posting.posts import NewPost, Outcome
from messaging.away import DatabaseAwayError, DatabaseBusyError

logger = logging.getLogger(__name__)

Reply = Callable[[Outcome], None]


class Waiting(NamedTuple):
    """For its outcome."""

    post: NewPost
    reply: Reply


Batch = Sequence[Waiting]


async def save(threads: DatabaseThreads, batch: Batch) -> Batch:
    """Returns those, in their order, that did not get the lock that they need; they have no reply
    yet. What the database refuses holds nobody else back.
    """
    if not batch:
        return []
    try:
        outcomes = await threads.run(post_messages, [post for post, _ in batch])
    except DatabaseAwayError:
        outcomes = [UnavailableError()] * len(batch)
    except DatabaseBusyError:
        chats = _by_chat(batch)
        return await _save_parts(threads, chats) if len(chats) > 1 else batch
    except Exception:
        if len(batch) > 1:
            logger.warning("a batch was refused, posting one by one", extra={"posts": len(batch)})
            return await _save_parts(threads, [[waiting] for waiting in batch])
        logger.exception("a post was refused", extra={"chat_id": batch[0].post.chat_id})
        outcomes = [UnavailableError()]
    for (_, reply), outcome in zip(batch, outcomes, strict=True):
        reply(outcome)
    return []


async def _save_parts(threads: DatabaseThreads, parts: Iterable[Batch]) -> Batch:
    """Each of one chat. Where one had to wait, the chat's later ones wait behind it."""
    left: list[Waiting] = []
    for part in parts:
        is_behind = any(one.post.chat_id == part[0].post.chat_id for one in left)
        left += part if is_behind else await save(threads, part)
    return left


def _by_chat(batch: Batch) -> list[Batch]:
    chats: dict[int, list[Waiting]] = defaultdict(list)
    for waiting in batch:
        chats[waiting.post.chat_id].append(waiting)
    return list(chats.values())
