"""What can be told to a person: a stable code (wire contract), a sentence, an HTTP status."""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _


class ChatError(Exception):
    """Raised by services and the edge; its detail is in the person's language when it is shown."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 400
    message: ClassVar[Any] = _("That did not work. Try again.")

    def __init__(self, detail: Any = None, *, retry_after: float | None = None) -> None:
        super().__init__(detail or self.message)
        self.detail = detail or self.message
        self.retry_after = retry_after

    def payload(self) -> dict[str, Any]:
        payload: dict[str, Any] = {"code": self.code, "detail": str(self.detail)}
        if self.retry_after is not None:
            payload["retry_after"] = self.retry_after
        return payload


class BadFrameError(ChatError):
    """Raised when a frame is not one JSON object."""

    code = "bad_frame"
    message = _("The frame is not a JSON object. Send one JSON object in a text frame.")


class FrameTooLargeError(ChatError):
    """Raised when a frame is over 64 KiB."""

    code = "frame_too_large"
    status = 413
    message = _("The frame is larger than 64 KiB. Send less at once.")


class UnknownTypeError(ChatError):
    """Raised when a frame's type is not in the contract."""

    code = "unknown_type"
    message = _("There is no such type of frame.")


class BadRequestError(ChatError):
    """Raised when a field is missing or of the wrong kind; the detail names it."""

    code = "bad_request"
    message = _("A field is missing or wrong.")

    @classmethod
    def of(cls, field: str, expected: Any) -> BadRequestError:
        """Names the field and what it should have been."""
        detail = gettext("“%(field)s” is wrong; expected %(expected)s.")
        return cls(detail % {"field": field, "expected": expected})


class BadTextError(ChatError):
    """Raised when a text holds what cannot be stored: NUL, a lone surrogate."""

    code = "bad_text"
    message = _(
        "The text contains characters that cannot be stored. Remove them and send it again."
    )


class EmptyTextError(ChatError):
    """Raised when a text has nothing that could be seen."""

    code = "empty"
    message = _("There is nothing visible in this text. Write something.")


class TooLongError(ChatError):
    """Raised when a text is over its limit."""

    code = "too_long"
    message = _("The text is too long. Shorten it.")


class TooLargeError(ChatError):
    """Raised when a file is over its limit; the detail names the limit."""

    code = "too_large"
    status = 413
    message = _("The file is too large. Choose a smaller one.")

    @classmethod
    def of_megabytes(cls, limit: int) -> TooLargeError:
        detail = gettext("The file is too large: the limit is %(limit)d MB. Choose a smaller one.")
        return cls(detail % {"limit": limit})

    @classmethod
    def of_quota(cls, used: int, limit: int) -> TooLargeError:
        detail = gettext(
            "Your files use %(used)d of your %(limit)d MB. Delete messages with files that you no"
            " longer need, then try again."
        )
        return cls(detail % {"used": used, "limit": limit})

    @classmethod
    def of_pixels(cls, limit: int) -> TooLargeError:
        detail = gettext(
            "The picture is too large: the limit is %(limit)d megapixels over all its frames."
            " Make it smaller."
        )
        return cls(detail % {"limit": limit // 1_000_000})

    @classmethod
    def of_frames(cls, limit: int) -> TooLargeError:
        detail = gettext(
            "The animation is too long: the limit is %(limit)d frames. Shorten it, or send it in"
            " a ZIP archive."
        )
        return cls(detail % {"limit": limit})

    @classmethod
    def to_draw(cls) -> TooLargeError:
        """Of a picture that takes too much time or memory."""
        detail = gettext(
            "This picture is too complex to show. Make it smaller, or send it in a ZIP archive."
        )
        return cls(detail)


class SignedOutError(ChatError):
    """Raised over HTTP when nobody is signed in; a socket is closed with 4401 instead."""

    code = "signed_out"
    status = 401
    message = _("Sign in first.")


class NotFoundError(ChatError):
    """Raised alike for what does not exist and for what is not yours."""

    code = "not_found"
    status = 404
    message = _("There is nothing here, or it is not yours.")


class ForbiddenError(ChatError):
    """Raised when a member may see it but not do it."""

    code = "forbidden"
    status = 403
    message = _("You may not do this here.")


class MethodNotAllowedError(ChatError):
    """Raised over HTTP when an address does not take this method; `Allow` names those it takes."""

    code = "method_not_allowed"
    status = 405
    message = _("This address does not support that method.")


class ConflictError(ChatError):
    """Raised when the present state does not allow it; the detail says what to do first."""

    code = "conflict"
    status = 409


class TooManyError(ChatError):
    """Raised over a limit; `retry_after` seconds say when it goes on."""

    code = "too_many"
    status = 429
    message = _("That was too much in a short time. Wait a moment.")


class UnavailableError(ChatError):
    """Raised when the database is away: nothing was saved that was not answered."""

    code = "unavailable"
    status = 503
    message = _("The chat cannot save just now. We will try again.")

    def __init__(self, detail: Any = None, *, retry_after: float = 2) -> None:
        super().__init__(detail, retry_after=retry_after)
