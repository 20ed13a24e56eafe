"""A process in which several people post to one chat at once, through the product's own service.

python -m tests.support.writer CHAT MESSAGES PERSON [PERSON ...]: that many messages of each
person. It waits for a line on stdin, so that several processes begin together.
"""

from __future__ import annotations

import os
import sys
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webchat.settings")
django.setup()

from django.db import connection  # noqa: E402  (needs the apps to be ready)

from chat.services.posting.posting import post_messages  # noqa: E402
from chat.services.posting.posts import NewPost, Posted  # noqa: E402
from tests.support.processes import PATIENCE  # noqa: E402

BATCHES = (1, 3, 7, 2, 12)


def write(chat_id: int, person_id: int, count: int, start: threading.Barrier) -> int:
    start.wait(timeout=30 * PATIENCE)
    written = batch = 0
    while written < count:
        size = min(BATCHES[batch % len(BATCHES)], count - written)
        posts = [
            NewPost(chat_id, person_id, uuid.uuid4(), f"{person_id}:{written + n}")
            for n in range(size)
        ]
        outcomes = post_messages(posts)
        written += sum(isinstance(outcome, Posted) for outcome in outcomes)
        batch += 1
    connection.close()
    return written


def main(chat_id: int, count: int, *people: int) -> None:
    sys.stdin.readline()
    start = threading.Barrier(len(people))
    with ThreadPoolExecutor(len(people)) as pool:
        writing = [pool.submit(write, chat_id, person, count, start) for person in people]
        assert sum(each.result() for each in writing) == count * len(people)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
