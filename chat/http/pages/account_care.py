"""What a person does with their own account: where it is signed in, what it wrote, its end."""

from __future__ import annotations

from functools import partial

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from chat.errors import NotFoundError
from chat.http.devices import describe_device
from chat.http.downloads import is_still_signed_in, while_allowed
from chat.http.forms import DeleteAccountForm, is_throttled
from chat.models import User
from chat.reads.export import export_pieces
from chat.services.people.account_deletion import delete_account
from chat.services.people.people import note_export
from chat.services.people.sign_ins import end_sign_in, end_sign_ins, note_sign_in, sign_ins_of

FORMATS = {"jsonl": "application/x-ndjson", "csv": "text/csv; charset=utf-8"}


@never_cache
@login_required
@require_safe
def sign_ins(request: HttpRequest) -> HttpResponse:
    user = _person(request)
    own_key = request.session.session_key
    found = list(sign_ins_of(user))
    if own_key not in {sign_in.session_key for sign_in in found}:
        # A session from before there was a list.
        note_sign_in(request=request, user=user)
        found = list(sign_ins_of(user))
    devices = [
        {
            "id": sign_in.pk,
            "name": describe_device(sign_in.user_agent),
            "address": sign_in.address,
            "signed_in_at": sign_in.signed_in_at,
            "seen_at": sign_in.seen_at,
            "is_this": sign_in.session_key == own_key,
        }
        for sign_in in found
    ]
    devices.sort(key=lambda device: not device["is_this"])
    return render(request, "chat/sign_ins.html", {"devices": devices})


@login_required
@require_POST
def end_one(request: HttpRequest, sign_in_id: int) -> HttpResponse:
    try:
        end_sign_in(user=_person(request), sign_in_id=sign_in_id)
    except NotFoundError:
        messages.info(request, _("You were no longer signed in there."))
    else:
        messages.success(request, _("Signed out there."))
    return redirect("sign-ins")


@login_required
@require_POST
def end_others(request: HttpRequest) -> HttpResponse:
    """Everywhere but here; with `here` in the form, here too."""
    user = _person(request)
    if "here" in request.POST:
        end_sign_ins(user=user)
        logout(request)
        return redirect("sign-in")
    count = end_sign_ins(user=user, except_key=request.session.session_key)
    text = ngettext("Signed out on %(count)d device.", "Signed out on %(count)d devices.", count)
    messages.success(request, text % {"count": count})
    return redirect("sign-ins")


@never_cache
@login_required
@require_POST
def export(request: HttpRequest, form: str) -> HttpResponseBase:
    """A download of all that the person wrote. By POST: it costs work, and is written down."""
    if form not in FORMATS:
        raise Http404
    user = _person(request)
    note_export(user)
    name = f"webchat-{user.username}-{timezone.now():%Y-%m-%d}.{form}"
    # Whoever opens the file sees that it is not all.
    ending = "\n" + _("You were signed out in the meantime: this is not everything.") + "\n"
    pieces = export_pieces(user, as_csv=form == "csv")
    return StreamingHttpResponse(
        while_allowed(pieces, partial(is_still_signed_in, request), ending=ending),
        content_type=FORMATS[form],
        headers={"Content-Disposition": content_disposition_header(True, name)},
    )


@sensitive_post_parameters("password")
@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def delete(request: HttpRequest) -> HttpResponse:
    user = _person(request)
    form = DeleteAccountForm(request, user, request.POST or None)
    if request.method != "POST" or not form.is_valid():
        status = 429 if is_throttled(form) else 200
        return render(request, "chat/delete_account.html", {"form": form}, status=status)
    person_id = user.pk
    delete_account(user)
    logout(request)
    # A page and no redirect: it also removes drafts and unsent messages that this browser keeps.
    return render(request, "chat/account_deleted.html", {"person_id": person_id})


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user
