"""The page behind an invite link: what one is asked into, by whom, and the button that joins."""

from __future__ import annotations

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from chat.addresses import address_group, client_address
from chat.errors import ChatError, NotFoundError
from chat.http.sign_in_throttle import known_device
from chat.limits.counting import Count, add, seconds_to_wait
from chat.limits.table import WRONG_INVITES
from chat.limits.words import too_many
from chat.models import Invite, Membership, User
from chat.services.chats.invites import use_invite
from chat.services.chats.memberships import check_may_come


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, token: str) -> HttpResponse:
    """By POST only: a preview of the link or a prefetching browser joins nothing."""
    if not token.isprintable():
        token = ""  # nobody's; the database would not even look for a NUL
    if (chat_id := _chat_of_member(request, token)) is not None:
        return redirect("chat", chat_id)
    try:
        response = _join(request, token) if request.method == "POST" else _show(request, token)
    except ChatError as error:
        response = render(request, "chat/join_failed.html", {"error": error}, status=error.status)
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response


def _show(request: HttpRequest, token: str) -> HttpResponse:
    invite = _find(request, token)
    if isinstance(request.user, User):
        check_may_come(request.user, invite.chat_id)
    member_count = Membership.objects.active().people().filter(chat=invite.chat).count()
    page = {"invite": invite, "member_count": member_count, "next": request.path}
    return render(request, "chat/join.html", page)


def _join(request: HttpRequest, token: str) -> HttpResponse:
    if not isinstance(request.user, User):
        return redirect_to_login(request.path)
    _find(request, token)
    return redirect("chat", use_invite(user=request.user, token=token).pk)


def _chat_of_member(request: HttpRequest, token: str) -> int | None:
    """The chat, for those who are in it already; also when the link works no longer."""
    if not isinstance(request.user, User):
        return None
    own = Membership.objects.active().filter(user=request.user, chat__invites__token=token)
    return own.values_list("chat_id", flat=True).first()


def _find(request: HttpRequest, token: str) -> Invite:
    """The link, if it works. Raises NotFoundError, and TooManyError after many that did not."""
    tried = Count(WRONG_INVITES, _who_tries(request))
    if seconds := seconds_to_wait(tried):
        raise too_many(WRONG_INVITES, seconds)
    working = Invite.objects.working(timezone.now()).select_related("chat", "created_by")
    invite = working.filter(token=token).first()
    if invite is None:
        add(tried)
        raise NotFoundError
    return invite


def _who_tries(request: HttpRequest) -> str:
    """Whoever is known has a count of their own: a neighbour cannot use it up."""
    if isinstance(request.user, User):
        return f"person:{request.user.pk}"
    if device := known_device(request):
        return f"device:{device.number}"
    return f"address:{address_group(client_address(request))}"
