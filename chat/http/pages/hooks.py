"""The address of an incoming webhook: whoever knows it posts to its chat, without signing in."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from chat.addresses import address_group, client_address
from chat.errors import BadRequestError, NotFoundError
from chat.http.json import answer, fields_of, other_method
from chat.limits.counting import Count, take
from chat.limits.table import HOOKS, WRONG_TOKENS
from chat.models import IncomingWebhook
from chat.webhooks.incoming import find_by_token, post_by_webhook
from chat.wire.fields import Fields
from chat.wire.payloads import Made, Payload

MAX_KEY = 200


# No page of ours posts here, and no cookie is looked at: the address is the right.
@csrf_exempt
@never_cache
def receive(request: HttpRequest, token: str) -> HttpResponse:
    if request.method != "POST":
        return other_method(request, ["POST"])
    return answer(request, lambda: _post(request, token))


def _post(request: HttpRequest, token: str) -> Made | Payload:
    """`text` (as Slack's webhooks have it) or `content`. Other fields that Slack knows are taken
    and ignored: a name of its own choice would let it speak as somebody else."""
    webhook = _find(request, token)
    take(Count(HOOKS, webhook.pk))
    fields = fields_of(request)
    content = fields.text("content" if fields.has("content") else "text")
    posted = post_by_webhook(webhook, content=content, key=_key(request, fields))
    payload = {
        "message_id": posted.message_id,
        "seq": posted.seq,
        "duplicate": posted.duplicate,
    }
    return payload if posted.duplicate else Made(payload)


def _find(request: HttpRequest, token: str) -> IncomingWebhook:
    """A right token is its own right to be let in, whatever else came from its address.

    Raises NotFoundError, and TooManyError instead of it after many."""
    try:
        return find_by_token(token)
    except NotFoundError:
        take(Count(WRONG_TOKENS, address_group(client_address(request))))
        raise


def _key(request: HttpRequest, fields: Fields) -> str | None:
    """What makes a message that is sent again the same one."""
    given = request.headers.get("Idempotency-Key", "")
    key = fields.text("id") if fields.has("id") else given
    if len(key) > MAX_KEY:
        raise BadRequestError.of("id", _("a string of at most 200 characters"))
    return key or None
