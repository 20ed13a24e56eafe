"""The client's files: their size, their words, and what must not stand in them."""

from __future__ import annotations

import gettext
import gzip
import re
from pathlib import Path

import pytest
import rcssmin
import rjsmin

from chat.templatetags.chat_pages import client_modules

CHAT = Path(__file__).resolve().parents[2] / "chat"
JS = CHAT / "static/chat/js"
MODULES = sorted(JS.rglob("*.js"))
STYLESHEET = CHAT / "static/chat/webchat.css"
CATALOGUES = sorted((CHAT / "locale/ru/LC_MESSAGES").glob("*.po"))
KILOBYTE = 1024


def gzipped(*files: Path) -> int:
    """Bytes as they are sent: SERVESTATIC_MINIFY takes comments and indentation out."""
    return sum(len(gzip.compress(minified(file).encode(), 9)) for file in files)


def minified(file: Path) -> str:
    minify = rjsmin.jsmin if file.suffix == ".js" else rcssmin.cssmin
    return minify(file.read_text())


def name_of(file: Path) -> str:
    return file.relative_to(JS).as_posix()


# Once comments are gone: types are imported in those.
LOADED_LATER = re.compile(r'\bimport\("(\..*?)"\)')
IMPORTED = re.compile(r'(?:\bfrom|\bimport)"(\..*?)";')
ANY_IMPORT = re.compile(r'\b(?:from |import |import\(\s*)"(\..*?)"')
FIRST = [CHAT / "static" / name for name in client_modules()]
TYPES = JS / "types.js"

# Each folder imports from itself and from those before it, also types and what it loads later.
FOLDERS = [
    *("base", "dom", "net", "state", "messages", "composing", "chats", "notifying", "panels"),
    *("page", "."),
]
MAX_IN_A_FOLDER = 15


def found_in(source: str, file: Path, *patterns: re.Pattern[str]) -> list[Path]:
    names = [name for pattern in patterns for name in pattern.findall(source)]
    return [(file.parent / name).resolve() for name in names]


def folder_of(file: Path) -> str:
    return file.parent.relative_to(JS).as_posix()


def circles(arrows: dict[Path, set[Path]]) -> set[str]:
    """Modules that import each other, directly or through others: what is left when those without
    arrows are taken away, again and again.
    """
    left = {file: set(to) for file, to in arrows.items()}
    while ends := [file for file, to in left.items() if not to & left.keys()]:
        for file in ends:
            del left[file]
    return {name_of(file) for file in left}


class TestSize:
    def test_of_what_is_loaded_first_is_at_most_55_kilobytes(self):
        assert gzipped(*FIRST) <= 55 * KILOBYTE

    def test_of_it_all_is_at_most_90_kilobytes(self):
        assert gzipped(*(file for file in MODULES if file != TYPES)) <= 90 * KILOBYTE

    def test_of_the_stylesheet_is_at_most_12_kilobytes(self):
        assert gzipped(STYLESHEET) <= 12 * KILOBYTE


class TestModules:
    @pytest.mark.parametrize("file", MODULES, ids=name_of)
    def test_never_read_text_as_html_or_as_a_program(self, file):
        source = file.read_text()
        as_html = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser"
        as_program = r"\beval\(|new Function"
        assert not re.findall(f"{as_html}|{as_program}", source)

    @pytest.mark.parametrize("file", MODULES, ids=name_of)
    def test_import_only_modules_of_ours(self, file):
        imports = found_in(minified(file), file, IMPORTED, LOADED_LATER)
        assert [found for found in imports if found not in MODULES] == []

    @pytest.mark.parametrize("file", MODULES, ids=name_of)
    def test_import_from_their_own_folder_or_one_before_it(self, file):
        allowed = FOLDERS[: FOLDERS.index(folder_of(file)) + 1]
        imports = found_in(file.read_text(), file, ANY_IMPORT)
        beyond = [found for found in imports if folder_of(found) not in allowed and found != TYPES]
        assert [name_of(found) for found in beyond] == []

    def test_import_each_other_in_no_circle(self):
        arrows = {file: found_in(file.read_text(), file, ANY_IMPORT) for file in MODULES}
        assert circles({file: set(found) for file, found in arrows.items()}) == set()

    @pytest.mark.parametrize("folder", FOLDERS)
    def test_of_one_folder_are_few_enough_to_look_through(self, folder):
        assert len(list((JS / folder).glob("*.js"))) <= MAX_IN_A_FOLDER

    def test_stand_in_the_folders_that_are_named_here(self):
        assert {folder_of(file) for file in MODULES} == set(FOLDERS)

    @pytest.mark.parametrize("file", MODULES, ids=name_of)
    def test_load_later_only_what_nothing_imports_at_once(self, file):
        assert [name_of(found) for found in self.later(file) if found in FIRST] == []

    def test_are_all_reached_from_the_first(self):
        """types.js is for editors."""
        reached, waiting = set(), [JS / "main.js"]
        while waiting:
            file = waiting.pop()
            if file not in reached:
                reached.add(file)
                waiting += found_in(minified(file), file, IMPORTED, LOADED_LATER)
        assert set(MODULES) - reached == {TYPES}

    def later(self, file):
        return found_in(minified(file), file, LOADED_LATER)

    @pytest.mark.parametrize("file", MODULES, ids=name_of)
    def test_hold_no_template_inside_another(self, file):
        """The minifier takes the blanks out of such a one."""
        assert re.findall(r"`[^`\n]*\$\{[^}`\n]*`", file.read_text()) == []

    def test_begin_with_what_they_are_for(self):
        assert [name_of(file) for file in MODULES if not file.read_text().startswith("/**")] == []


class TestStylesheet:
    def test_loads_nothing(self):
        assert not re.findall(r"@import|url\(|@font-face", STYLESHEET.read_text())

    def test_has_five_sizes_of_letters(self):
        sizes = re.findall(r"\bfont(?:-size)?: (?:\d+ )?(\d+)px", STYLESHEET.read_text())
        assert set(sizes) == {"12", "13", "15", "18", "24"}

    def test_keeps_to_a_grid_of_4_pixels(self):
        """Lines, and what is nudged beside a line of text, are 1 to 3 pixels."""
        spaces = r"\b(?:padding|margin|gap|inset|width|height|top|left)(?:-[a-z]+)*: ([^;}]+)"
        found = re.findall(spaces, STYLESHEET.read_text())
        lengths = {length for value in found for length in re.findall(r"-?\b(\d+)px", value)}
        assert {length for length in lengths if int(length) % 4 and int(length) > 3} == set()

    def test_names_colours_only_where_roles_are_defined(self):
        rules = re.sub(r":root \{.*?\n\}", "", STYLESHEET.read_text(), count=1, flags=re.S)
        allowed = {"#1f1a1566"}  # what lies behind a dialog is dimmed alike in light and dark
        assert set(re.findall(r"#[0-9a-f]{3,8}\b", rules)) <= allowed


class TestTranslations:
    def test_are_there_for_pages_and_for_the_client(self):
        assert [file.stem for file in CATALOGUES] == ["django", "djangojs"]

    @pytest.mark.parametrize("file", CATALOGUES, ids=lambda file: file.name)
    def test_are_complete(self, file):
        source = file.read_text()
        assert "#, fuzzy" not in source
        entries = source.split("\n\n")[1:]
        assert len(entries) > 50
        assert [entry for entry in entries if re.search(r'^msgstr(\[\d\])? ""$', entry, re.M)] == []

    @pytest.mark.parametrize("file", CATALOGUES, ids=lambda file: file.name)
    def test_are_compiled_as_they_stand(self, file):
        with file.with_suffix(".mo").open("rb") as compiled:
            catalogue = gettext.GNUTranslations(compiled)
        entries = re.findall(r'^msgid (".+")\nmsgstr (".+")$', file.read_text(), re.M)
        assert len(entries) > 50
        for original, translated in entries:
            assert catalogue.gettext(unquoted(original)) == unquoted(translated)

    @pytest.mark.parametrize("file", CATALOGUES, ids=lambda file: file.name)
    def test_name_the_same_values_as_the_original(self, file):
        values = re.compile(r"%\(\w+\)[sd]")
        for original, translated in re.findall(
            r'^msgid (".+")\nmsgstr (".+")$', file.read_text(), re.M
        ):
            assert sorted(values.findall(original)) == sorted(values.findall(translated))

    def test_cover_every_word_of_the_client(self):
        known = set(re.findall(r'^msgid "(.+)"$', CATALOGUES[1].read_text(), re.M))
        used = set()
        for file in MODULES:
            used |= set(re.findall(r'\bn?gettext\(\s*"((?:[^"\\]|\\.)+)"', file.read_text()))
        assert used - known == set()


def unquoted(text: str) -> str:
    return text[1:-1].replace('\\"', '"').replace("\\n", "\n").replace("\\\\", "\\")
