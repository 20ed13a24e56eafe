"""Which reactions there are: the emoji that Unicode recommends, each in one spelling.

An emoji may be written with and without its selector (U+FE0F); kept is the form that every keyboard
and font knows (fully qualified), so that it is one reaction, whoever writes it.
"""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as _
from emoji import EMOJI_DATA, STATUS

from chat.errors import BadTextError

SELECTOR: Final = "\ufe0f"

# By what is left without selectors. Components (a skin tone alone) are no emoji of their own.
_EMOJI: Final = {
    emoji.replace(SELECTOR, ""): emoji
    for emoji, about in EMOJI_DATA.items()
    if about["status"] == STATUS["fully_qualified"]
}


def check_reaction(text: str) -> str:
    """The one emoji, fully qualified. Raises BadTextError."""
    emoji = _EMOJI.get(text.replace(SELECTOR, ""))
    if emoji is None:
        raise BadTextError(_("A reaction is one emoji. Choose one, and nothing else."))
    return emoji


def qualified(text: str) -> str:
    """Of what was kept when anything short was a reaction: as `check_reaction` gives it where it is
    an emoji, else as it is."""
    return _EMOJI.get(text.replace(SELECTOR, ""), text)
