"""What the architecture tests read: the project's own files, parsed once, and nothing that git does not ship."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CODE = ("pipelines", "models", "dags")
SQL = ROOT / "sql"
LITERAL_OR_COMMENT = re.compile(r"'(?:[^']|'')*'|--[^\n]*")


@cache
def modules() -> tuple[Path, ...]:
    """Every Python file of the project, tests and benchmarks apart."""
    return tuple(sorted(path for folder in CODE for path in (ROOT / folder).rglob("*.py")))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def name(path: Path) -> str:
    """The path as a person would say it."""
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> Iterator[str]:
    """Dotted names of all that ``path`` imports."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name(path)}:{node.lineno}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def strings(path: Path) -> set[str]:
    """Every string constant of ``path``."""
    return {
        node.value for node in ast.walk(tree(path)) if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


@cache
def sql_files() -> tuple[Path, ...]:
    return tuple(sorted(SQL.glob("*/*.sql")))


def bare(sql: str) -> str:
    """``sql`` without its comments and the insides of its string literals."""
    return LITERAL_OR_COMMENT.sub(lambda match: "''" if match[0].startswith("'") else "", sql)
