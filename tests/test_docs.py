"""The docs say all that there is, and nothing that is not so."""

from __future__ import annotations

import importlib.util
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import BaseModel

from endcap import config
from endcap.class_paths import check
from endcap.cli.app import build
from endcap.config import parse
from endcap.errors import ConfigError
from endcap.stages import Stage
from tests.contracts.found import ENCODERS, FEATURES, RANKERS, RETRIEVERS, RULES
from tests.pages import blocks

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])


def generator() -> Any:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    written: dict[str, str] = generator().pages()
    return written


@pytest.mark.parametrize("name", ["settings.md", "commands.md", "endpoints.md"])
def test_the_reference_is_not_stale(pages: dict[str, str], name: str) -> None:
    written = (DOCS / "reference" / name).read_text(encoding="utf-8")
    assert written == pages[name], "run `make docs`"


def groups() -> list[type[BaseModel]]:
    """Every group of settings: of the tree, and of the stages."""
    tree = [
        cls
        for _, cls in inspect.getmembers(config, inspect.isclass)
        if issubclass(cls, config.Settings) and cls is not config.Settings
    ]
    stages: list[type[Stage[Any]]] = [*RETRIEVERS, *FEATURES, *RANKERS, *RULES, *ENCODERS]
    return [*tree, *(cls.settings_type for cls in stages)]


@pytest.mark.parametrize("group", groups(), ids=lambda cls: f"{cls.__module__}.{cls.__name__}")
def test_no_setting_is_missing(group: type[BaseModel]) -> None:
    text = (DOCS / "reference" / "settings.md").read_text(encoding="utf-8")
    for name, field in group.model_fields.items():
        assert re.search(rf"^\| `{name}` \||`\[([a-zA-Z]+\.)*{name}(\.NAME)?\]`", text, re.M), name
        assert (field.description or "").lower() in text.lower(), name


@pytest.mark.parametrize("group", groups(), ids=lambda cls: f"{cls.__module__}.{cls.__name__}")
def test_every_setting_says_what_it_does(group: type[BaseModel]) -> None:
    for name, field in group.model_fields.items():
        nested = isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
        assert nested or field.description, name


def test_no_command_or_option_is_missing() -> None:
    text = (DOCS / "reference" / "commands.md").read_text(encoding="utf-8")
    program: Any = typer.main.get_command(build())
    for name, command in program.commands.items():
        assert command.help, name
        part = re.split(r"^## ", text, flags=re.M)
        own = next(one for one in part if one.startswith(f"`endcap {name} "))
        for option in command.params:
            assert option.help, f"{name} {option.name}"
            for spelling in option.opts if option.param_type_name == "option" else []:
                assert f"`{spelling}`" in own, f"{name} {spelling}"


def test_no_endpoint_is_missing() -> None:
    text = (DOCS / "reference" / "endpoints.md").read_text(encoding="utf-8")
    for path, methods in generator().described()["paths"].items():
        for method, one in methods.items():
            assert f"## `{method.upper()} {path}`" in text
            assert one.get("description"), f"{method} {path} says what it does"


def links() -> Iterator[tuple[Path, str]]:
    for page in PAGES:
        text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.S | re.M)
        for target in re.findall(r"\]\(([^)#\s]+)", text):
            if not re.match(r"[a-z]+:", target):
                yield page, target


@pytest.mark.parametrize(("page", "target"), list(links()))
def test_every_link_leads_somewhere(page: Path, target: str) -> None:
    assert (page.parent / target).exists(), f"{page.name} → {target}"


def headings(page: Path) -> set[str]:
    """What an address may name of a page after its `#`."""
    found = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), flags=re.M)
    return {re.sub(r"[^\w -]", "", one.lower()).strip().replace(" ", "-") for one in found}


def test_every_link_into_a_page_meets_a_heading() -> None:
    wrong, met = [], 0
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for target, anchor in re.findall(r"\]\(([^)#\s:]*)#([^)\s]+)\)", text):
            to = page.parent / target if target else page
            met += anchor in headings(to)
            wrong += [f"{page.name} → {target}#{anchor}"] * (anchor not in headings(to))
    assert wrong == []
    assert met > 15


def snippets() -> Iterator[tuple[str, str]]:
    """Lines for endcap.toml that one page of the docs prints and that stand alone."""
    for page in sorted(DOCS.glob("how-to/*.md")):
        if page.stem not in ("import", "add-a-model"):  # a mapping; two that go together
            found = blocks(f"how-to/{page.name}", "toml")
            yield from ((page.stem, text) for text in found if "my_shop" not in text)


@pytest.mark.parametrize(("page", "text"), list(snippets()))
def test_every_snippet_of_settings_is_understood(page: str, text: str) -> None:
    config = parse(text)
    try:
        check(config)
    except ConfigError as error:
        if "is not installed" not in str(error):
            raise


def test_every_page_can_be_reached_from_the_index() -> None:
    seen, open_pages = set[Path](), [DOCS / "index.md"]
    reachable = list(links())
    while open_pages:
        page = open_pages.pop()
        if page not in seen:
            seen.add(page)
            open_pages += [(page.parent / to).resolve() for at, to in reachable if at == page]
    assert {page for page in PAGES if page.is_relative_to(DOCS)} <= seen


def commands(text: str) -> list[str]:
    """What the code blocks of a page tell people to type, without the comments."""
    typed = re.findall(r"^```\w*\n(.*?)^```", text, flags=re.S | re.M)
    lines = "".join(typed).splitlines()
    return [line.split("#")[0].removeprefix("$ ").strip() for line in lines]


def test_the_two_readmes_are_in_step() -> None:
    """The same commands, the same figures, the same number of chapters and table rows."""
    english, chinese = (
        (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md")
    )
    assert commands(english) == commands(chinese)
    for mark in (r"^#+ ", r"^\|", r"^- "):
        counts = [len(re.findall(mark, text, flags=re.M)) for text in (english, chinese)]
        assert counts[0] == counts[1], mark
    figures = [sorted(re.findall(r"\d+(?:\.\d+)+|\.\d{3,}", text)) for text in (english, chinese)]
    assert figures[0] == figures[1]


def test_commands_in_the_docs_exist() -> None:
    program: Any = typer.main.get_command(build())
    for page in PAGES:
        for line in commands(page.read_text(encoding="utf-8")):
            found = re.match(r"(?:\S*/)?endcap (?:--\S+ )*([a-z-]+)", line)
            if found:
                assert found[1] in program.commands, f"{page.name}: {line}"


def test_tests_that_the_docs_name_exist() -> None:
    written = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py"))
    named = {
        name for page in PAGES for name in re.findall(r"\b(test_\w+_\w+)`", page.read_text("utf-8"))
    }
    assert len(named) > 20
    assert {name for name in named if f"def {name}(" not in written} == set()
