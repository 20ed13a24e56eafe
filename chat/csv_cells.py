"""Cells of a CSV file that a spreadsheet shows as text, whatever is written in them."""

from __future__ import annotations

# A cell that begins with one of these is a formula to a spreadsheet.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
# By this a spreadsheet knows that the file is UTF-8.
BYTE_ORDER_MARK = "\ufeff"


def text_cell(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
