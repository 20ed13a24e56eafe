"""script/messages: the catalogues as the sources have them now, in one form.

Sorted, one line a sentence, without places and dates: two changes at once rarely touch one line.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from environment import ROOT, say

FORM = ["--no-location", "--no-wrap"]
NOT_OURS = ["--ignore", "node_modules"]
_DATES = re.compile(r'^"(?:POT-Creation-Date|Report-Msgid-Bugs-To):.*\n', re.MULTILINE)
_LACKING = re.compile(r'^#,.*\bfuzzy\b|^msgstr(?:\[\d\])? ""$(?!\n")', re.MULTILINE)


def manage(*command: str) -> None:
    key = {"SECRET_KEY": "for-collecting-messages-for-collecting-messages"}
    subprocess.run(
        [sys.executable, "manage.py", *command], cwd=ROOT, env=os.environ | key, check=True
    )


def bring_into_form(catalogue: Path) -> None:
    sort = ["msgattrib", "--no-obsolete", "--sort-output", *FORM, str(catalogue)]
    found = subprocess.run(sort, stdout=subprocess.PIPE, text=True, check=True).stdout
    catalogue.write_text(_DATES.sub("", found))


def lacking(catalogue: Path) -> list[str]:
    """Entries without a translation, and those that gettext has only guessed."""
    entries = catalogue.read_text().split("\n\n")[1:]
    return [entry.strip() for entry in entries if _LACKING.search(entry)]


def main() -> int:
    for domain in ("django", "djangojs"):
        manage("makemessages", "-v", "0", "-l", "ru", "-d", domain, *NOT_OURS, *FORM)
    catalogues = sorted((ROOT / "chat/locale").rglob("*.po"))
    for catalogue in catalogues:
        bring_into_form(catalogue)
    missing = {catalogue: entries for catalogue in catalogues if (entries := lacking(catalogue))}
    for catalogue, entries in missing.items():
        say(f"to be translated in {catalogue.relative_to(ROOT)}:")
        print("\n\n".join(entries))
    manage("compilemessages", "-v", "0")
    return 1 if missing else 0


if __name__ == "__main__":
    raise SystemExit(main())
