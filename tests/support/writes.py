"""Where rows are written, read from the code: each call that changes some, each statement of SQL.

What Django itself writes for us is not looked for: sessions, who signed in last, its log.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from django.apps import apps

# Of models, managers and forms, whoever they are called on.
ALWAYS = {
    "bulk_create",
    "bulk_update",
    "create",
    "create_superuser",
    "create_user",
    "get_or_create",
    "update_or_create",
}
# Dicts, sets, files and caches have methods of these names, too; those take what they are about.
WITHOUT_ARGUMENTS = {"delete", "save", "update"}
# Events of the outbox and entries of the audit log are rows.
RECORDING = {"append", "record_fact", "record_many"}
# Of a relation; sets and events have them, too.
OF_RELATIONS = {"add", "clear", "remove", "set"}
STATEMENT = re.compile(
    r"^\s*(INSERT (OR \w+ )?INTO|UPDATE|DELETE FROM|TRUNCATE|COPY)\s", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Write:
    line: int
    code: str


def writes_in(source: str, relations: Collection[str]) -> Iterator[Write]:
    """`relations`: what models call their relations to many."""
    tree = ast.parse(source)
    said = {id(text) for text in docstrings(tree)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and is_write(node, relations):
            yield Write(node.lineno, ast.unparse(node.func))
        elif isinstance(node, ast.Constant) and id(node) not in said and is_statement(node.value):
            yield Write(node.lineno, str(node.value).strip().partition("\n")[0])


def is_write(call: ast.Call, relations: Collection[str]) -> bool:
    function = call.func
    if isinstance(function, ast.Name):
        return function.id in RECORDING
    if not isinstance(function, ast.Attribute):
        return False
    # Django's asynchronous ones have an "a" before the name.
    for method in (function.attr, function.attr.removeprefix("a")):
        if method in ALWAYS:
            return True
        if method in WITHOUT_ARGUMENTS:
            is_bare = all(isinstance(argument, ast.Starred) for argument in call.args)
            return is_bare and (method != "update" or bool(call.keywords))
        if method in OF_RELATIONS:
            return isinstance(function.value, ast.Attribute) and function.value.attr in relations
    return False


def is_statement(value: object) -> bool:
    """Of SQL, and one that writes."""
    return isinstance(value, str) and bool(STATEMENT.search(value))


def docstrings(tree: ast.Module) -> Iterator[ast.Constant]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                yield first.value


def relation_names() -> set[str]:
    """What models call their relations to many rows, from either side."""
    names = set()
    for model in apps.get_models():
        for field in model._meta.get_fields(include_hidden=False):
            if field.many_to_many or field.one_to_many:
                accessor = getattr(field, "get_accessor_name", None)
                names.add(accessor() if accessor else field.name)
    return {name for name in names if name}


def modules_that_write(root: Path, folder: str) -> dict[str, list[Write]]:
    """By module, relative to `root`; those without writes are left out, and migrations."""
    relations = relation_names()
    found = {
        str(file.relative_to(root)): list(writes_in(file.read_text(), relations))
        for file in sorted((root / folder).rglob("*.py"))
        if "migrations" not in file.parts
    }
    return {module: writes for module, writes in found.items() if writes}
