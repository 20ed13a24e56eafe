"""The one writer of CSV: files that any spreadsheet shows as what was written, and runs nothing.

What a person wrote is text there, in every locale: where cells are split at a semicolon, too.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any, Final

# By this a spreadsheet knows that the file is UTF-8.
BYTE_ORDER_MARK: Final = "\ufeff"
# What a formula begins with, also as full-width and small forms, which some turn to the plain ones.
SIGNS: Final = "=+@\\-\uff1d\uff0b\uff20\uff0d\ufe66\ufe62\ufe6b\ufe63\u2212"
# Where another locale, or a program that does not know quotes, begins a cell.
SEPARATORS: Final = ";,|\t\r\n\v\f\x1c-\x1e\x85\u2028\u2029"
# What may stand before a formula without keeping it from being one: blanks, quotes, marks.
UNSEEN: Final = (
    " \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000\"'"
    "\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"
)
_FORMULA: Final = re.compile(f"(^|[{SEPARATORS}])(?=[{UNSEEN}]*[{SIGNS}])")
# With these a cell was taken for a formula by programs that drop them first.
_DROPPED: Final = ("\t", "\r", "\n")
# Ours, never a person's words: they stay what they are, a negative number too.
_PLAIN: Final = (int, float, Decimal, date)


def csv_head(names: Iterable[str]) -> str:
    """The beginning of a file: how it is encoded, and what its columns are called."""
    return BYTE_ORDER_MARK + csv_row(names)


def csv_row(values: Iterable[Any]) -> str:
    """A line of the file, each cell quoted; numbers and times as they are, all else as text."""
    written = io.StringIO()
    csv.writer(written, quoting=csv.QUOTE_ALL).writerow(map(_cell, values))
    return written.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return str(value) if isinstance(value, _PLAIN) else text_cell(str(value))


def text_cell(text: str) -> str:
    """With an apostrophe before all that could be a formula: a spreadsheet's own sign for text."""
    defused = _FORMULA.sub(r"\1'", text)
    return f"'{defused}" if defused.startswith(_DROPPED) else defused
