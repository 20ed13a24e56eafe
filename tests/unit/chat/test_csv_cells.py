"""CSV files: text stays text in every spreadsheet and locale, and numbers stay numbers."""

from __future__ import annotations

import ast
import csv
import io
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chat.content.csv_cells import BYTE_ORDER_MARK, csv_head, csv_row, text_cell
from tests.support.properties import hypothesis
from tests.support.properties import strategies as st

pytestmark = pytest.mark.embedded

ROOT = Path(__file__).resolve().parents[3]
SIGNS = "=+-@＝＋－＠﹦﹢﹣﹫−"
BLANKS = " \u00a0\u2003\u202f\u3000\u200b\u2060\ufeff\u00ad\"'"
SEPARATORS = ";,|\t\n\r\v\f\x85\u2028\u2029"

# What was written, and what stands in the cell.
CELLS = {
    "=1+1": "'=1+1",
    "+7 921": "'+7 921",
    "-5": "'-5",
    "@sum(A1)": "'@sum(A1)",
    "＝1": "'＝1",
    "＋1": "'＋1",
    "－1": "'－1",
    "＠x": "'＠x",
    "−1": "'−1",
    " =1": "' =1",
    "\t=1": "'\t'=1",
    "\n=1": "'\n'=1",
    "\r=1": "'\r'=1",
    "\u00a0=1": "'\u00a0=1",
    "\u3000＝1": "'\u3000＝1",
    "\ufeff=1": "'\ufeff=1",
    "\u200b=1": "'\u200b=1",
    '"=1': "'\"=1",
    "'=1": "''=1",
    ";=1": ";'=1",
    ",=1": ",'=1",
    "a;=cmd()": "a;'=cmd()",
    "a; =cmd()": "a;' =cmd()",
    'a;"=cmd()"': 'a;\'"=cmd()"',
    "a,@b": "a,'@b",
    "a\tb\t=1": "a\tb\t'=1",
    "one\n=two\r\n-three": "one\n'=two\r\n'-three",
    "a\u2028=1": "a\u2028'=1",
    "\t": "'\t",
    # Nothing of that: as it was written.
    "": "",
    "a=b": "a=b",
    "Anna-Maria; Boris, Carol": "Anna-Maria; Boris, Carol",
    "мир — это; ведь": "мир — это; ведь",
    "10:30, завтра": "10:30, завтра",
    'she said "no"': 'she said "no"',
    "two\nlines": "two\nlines",
    "me@example.org": "me@example.org",
    "👍🏽": "👍🏽",
    "007": "007",
}


def rows_of(text: str, *, delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


class TestTextCell:
    @pytest.mark.parametrize(("written", "cell"), CELLS.items(), ids=map(ascii, CELLS))
    def test_is_shown_and_never_run(self, written, cell):
        assert text_cell(written) == cell
        assert rows_of(csv_row([written, "next"])) == [[cell, "next"]]

    @pytest.mark.parametrize("sign", SIGNS)
    @pytest.mark.parametrize("before", ["", *BLANKS, *SEPARATORS, " \" '"], ids=ascii)
    def test_has_an_apostrophe_before_every_sign_and_what_stands_before_it(self, before, sign):
        assert "'" in text_cell(f"{before}{sign}1").removesuffix(f"{sign}1")

    @hypothesis.given(st.text(alphabet=SIGNS + BLANKS + SEPARATORS + "a1", max_size=30))
    def test_begins_no_formula_wherever_it_is_split(self, written):
        for cell in re.split(f"[{SEPARATORS}]", text_cell(written)):
            begins = cell.lstrip(BLANKS.replace("'", ""))
            assert not begins or begins[0] not in SIGNS

    @hypothesis.given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
    def test_loses_nothing_of_what_was_written(self, written):
        assert text_cell(written).replace("'", "") == written.replace("'", "")

    def test_takes_no_longer_for_blanks_without_end(self):
        assert text_cell("\n " * 100_000) == "'" + "\n " * 100_000


class TestRow:
    def test_has_every_cell_in_quotes(self):
        assert csv_row(["a", 1, None, 'b"c']) == '"a","1","","b""c"\r\n'

    def test_leaves_numbers_and_times_as_they_are(self):
        moment = datetime(2026, 11, 25, 10, tzinfo=UTC)
        assert rows_of(csv_row([-5, -0.5, moment])) == [["-5", "-0.5", str(moment)]]

    def test_makes_text_of_all_else(self):
        assert rows_of(csv_row([{"reason": "x;=1"}])) == [["{'reason': 'x;'=1'}"]]

    def test_keeps_lines_of_a_cell_in_their_cell(self):
        assert rows_of(csv_row(["a\r\nb", "c"])) == [["a\r\nb", "c"]]

    def test_begins_with_what_tells_its_encoding(self):
        assert csv_head(["id", "chat"]) == f'{BYTE_ORDER_MARK}"id","chat"\r\n'

    def test_runs_nothing_where_cells_are_split_at_a_semicolon(self):
        line = csv_row([1, "hello;=HYPERLINK(1)", '"x";\t@y'])
        for cell in rows_of(line, delimiter=";")[0]:
            assert not cell.lstrip('" \t').startswith(tuple(SIGNS))


class TestWriter:
    def test_is_the_only_one(self):
        """All CSV goes through the one module that knows what a spreadsheet runs."""
        imports = {
            path.relative_to(ROOT).as_posix()
            for folder in ("chat", "messaging", "webchat", "script", "bench")
            for path in (ROOT / folder).rglob("*.py")
            if _imports_csv(path)
        }
        assert imports == {"chat/content/csv_cells.py"}

    def test_is_not_in_the_browser(self):
        scripts = (ROOT / "chat" / "static").rglob("*.js")
        assert not [path for path in scripts if "text/csv" in path.read_text()]


def _imports_csv(path: Path) -> bool:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import) and "csv" in {alias.name for alias in node.names}:
            return True
        if isinstance(node, ast.ImportFrom) and node.module == "csv":
            return True
    return False
