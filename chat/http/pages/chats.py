"""The chat page: the frame, and what the client begins with, so that it draws without asking."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from chat.content.text import CONTENT_LENGTH
from chat.errors import ForbiddenError
from chat.models import Chat, User
from chat.models.ids import LARGEST_ID
from chat.reads import history
from chat.reads.blocks import blocked_ids
from chat.reads.notifications import unseen_notifications
from chat.reads.summaries import chat_summaries
from chat.services.attachments import max_bytes
from chat.services.chats.memberships import check_may_come
from chat.wire.payloads import person_payload


@never_cache
@login_required
@require_safe
def chat_page(request: HttpRequest, chat_id: int | None = None) -> HttpResponse:
    assert isinstance(request.user, User)
    chats = chat_summaries(request.user)
    state: dict[str, Any] = {
        "user": {**person_payload(request.user), "language": request.user.language},
        "chats": chats,
        "notifications": unseen_notifications(request.user),
        "blocked": blocked_ids(request.user),
        "limits": {"content": CONTENT_LENGTH, "upload": max_bytes()},
        "open": None,
    }
    if chat_id is not None:
        state["open"] = opened_chat(request.user, chats, chat_id)
    return render(request, "chat/chat.html", {"state": state})


def opened_chat(user: User, chats: list[dict[str, Any]], chat_id: int) -> dict[str, Any]:
    """The chat with its newest messages, or a public one that could be joined. Raises Http404."""
    chat = next((chat for chat in chats if chat["id"] == chat_id), None)
    if chat is not None:
        return {"chat_id": chat_id, **where_reading_goes_on(chat)}
    if chat_id > LARGEST_ID:
        raise Http404
    public = Chat.objects.open_to_all().filter(pk=chat_id).first()
    if public is None:
        raise Http404
    invitation = {"id": public.pk, "title": public.title, **refusal(user, chat_id)}
    return {"chat_id": chat_id, "invitation": invitation}


def refusal(user: User, chat_id: int) -> dict[str, str]:
    """What is said to whoever may not join, as `refused`; others are spared the field."""
    try:
        check_may_come(user, chat_id)
    except ForbiddenError as error:
        return {"refused": str(error.detail)}
    return {}


def where_reading_goes_on(chat: dict[str, Any]) -> dict[str, Any]:
    """The newest messages, or those around the first unread one when it is farther back."""
    if chat["unread"] > history.PAGE_MESSAGES:
        return history.page_around(chat["id"], chat["read_seq"] + 1)
    return history.newest_page(chat["id"])
