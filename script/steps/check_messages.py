"""Fails when a compiled catalogue (.mo, committed) is not what its .po says."""

from __future__ import annotations

import gettext
import shutil
import subprocess
import tempfile
from pathlib import Path

from environment import ROOT, stop


def catalogue(compiled: Path) -> object:
    with compiled.open("rb") as file:
        return vars(gettext.GNUTranslations(file))["_catalog"]


def main() -> None:
    if not shutil.which("msgfmt"):
        stop("msgfmt is not on this machine. Debian: apt-get install gettext")
    sources = sorted((ROOT / "chat").rglob("locale/*/LC_MESSAGES/*.po"))
    stale = []
    with tempfile.TemporaryDirectory() as folder:
        for source in sources:
            fresh, kept = Path(folder) / "fresh.mo", source.with_suffix(".mo")
            subprocess.run(["msgfmt", "--check", "-o", fresh, source], check=True)
            if not kept.exists() or catalogue(kept) != catalogue(fresh):
                stale.append(str(kept.relative_to(ROOT)))
    if stale:
        stop(f"not what the .po says: {', '.join(stale)}. Run: manage.py compilemessages")
    print(f"{len(sources)} catalogues are compiled")


if __name__ == "__main__":
    main()
