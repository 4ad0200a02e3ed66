"""From a text to a tree: the grammar of filters."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeAlias

from lark import Lark, Token, Transformer, UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from endcap.errors import FilterError

LONGEST = 4_000
"""Characters of a filter."""

DEEPEST = 30
"""Conditions within conditions."""

_GRAMMAR = r"""
?either: both ("or" both)*
?both: single ("and" single)*
?single: "not" single -> no
       | "(" either ")"
       | condition
?condition: operand -> alone
          | operand (OP operand | IN choice | UNDER text | CONTAINS text) -> test
          | operand "not" IN choice -> not_among
?choice: "(" literal ("," literal)* ","? ")" -> several
       | name
?operand: name | literal
?literal: text
        | NUMBER -> number
        | TRUTH -> truth
text: TEXT
name: NAME ("." (NAME | TEXT))?
IN: "in"
UNDER: "under"
CONTAINS: "contains"
OP: "==" | "!=" | "<=" | ">=" | "<" | ">"
TRUTH.2: /(true|false)\b/
NUMBER: /-?[0-9]+(\.[0-9]+)?/
NAME: /[^\W\d]\w*/
TEXT: /"([^"\\\n]|\\["'\\])*"|'([^'\\\n]|\\["'\\])*'/
%ignore /\s+/
"""

_WORDS = {
    "OP": "== != < <= > >=",
    "NUMBER": "a number",
    "TRUTH": "true, false",
    "NAME": "an attribute",
    "TEXT": "a text in quotes",
    "LPAR": "(",
    "RPAR": ")",
    "COMMA": ",",
    "DOT": ".",
    "$END": "the end",
}
"""The kinds of word of a filter, as people call them; the others are called as they stand."""

_SIGNS = "words, numbers, texts in quotes and == != < <= > >= ( ) , ."


@dataclass(frozen=True)
class Name:
    """An attribute. at: where it stands, in characters from 1. own: below `attributes`."""

    at: int
    text: str
    own: str | None = None


@dataclass(frozen=True)
class Value:
    """A text, a number, or true or false."""

    at: int
    value: str | float | bool


Operand: TypeAlias = Name | Value


@dataclass(frozen=True)
class Test:
    """A condition on an item: an operand, what is asked of it, and what it is held against."""

    left: Operand
    word: str
    right: Operand | tuple[Value, ...] | None = None
    depth: int = 1


@dataclass(frozen=True)
class Group:
    """Conditions that hold together: all of them, any of them, or none of one."""

    word: Literal["and", "or", "not"]
    parts: tuple[Node, ...]
    depth: int


Node: TypeAlias = Test | Group


def parse(text: str) -> Node:
    """Raises FilterError with the position of what is wrong."""
    if len(text) > LONGEST:
        raise FilterError(
            LONGEST + 1, f"{len(text):,} characters", f"at most {LONGEST:,} characters"
        )
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise FilterError(error.start + 1, "half a character", "whole ones") from error
    try:
        tree: Any = _PARSER.parse(text)
    except UnexpectedInput as error:
        raise _explained(error, text) from error
    node: Node = tree
    return node


def _group(word: Literal["and", "or", "not"], parts: list[Node]) -> Node:
    depth = 1 + max(part.depth for part in parts)
    if depth > DEEPEST:
        raise FilterError(_first(parts[0]), "conditions too deep", f"at most {DEEPEST} deep")
    return Group(word, tuple(parts), depth)


class _Nodes(Transformer[Token, Node]):
    """Each rule of the grammar, as it is recognised, becomes its node."""

    either = staticmethod(partial(_group, "or"))
    both = staticmethod(partial(_group, "and"))
    no = staticmethod(partial(_group, "not"))
    several = staticmethod(tuple)

    def alone(self, parts: list[Operand]) -> Node:
        return Test(parts[0], "is")

    def test(self, parts: list[Any]) -> Node:
        return Test(parts[0], str(parts[1]), parts[2])

    def not_among(self, parts: list[Any]) -> Node:
        return _group("not", [self.test(parts)])

    def text(self, parts: list[Token]) -> Value:
        return Value(_at(parts[0]), _unquoted(parts[0]))

    def number(self, parts: list[Token]) -> Value:
        return Value(_at(parts[0]), float(parts[0]))

    def truth(self, parts: list[Token]) -> Value:
        return Value(_at(parts[0]), parts[0] == "true")

    def name(self, parts: list[Token]) -> Name:
        own = None
        if len(parts) > 1:
            own = _unquoted(parts[1]) if parts[1].type == "TEXT" else str(parts[1])
        return Name(_at(parts[0]), str(parts[0]), own)


def _first(node: Node) -> int:
    """Where a node begins."""
    while isinstance(node, Group):
        node = node.parts[0]
    return node.left.at


def _at(token: Token) -> int:
    return int(token.start_pos or 0) + 1


def _unquoted(token: Token) -> str:
    """
    >>> _unquoted(Token("TEXT", r'"a \\"b\\""'))
    'a "b"'
    """
    inside, whole = str(token)[1:-1], []
    pieces = iter(inside)
    for piece in pieces:
        whole.append(next(pieces) if piece == "\\" else piece)
    return "".join(whole)


def _explained(error: UnexpectedInput, text: str) -> FilterError:
    if isinstance(error, UnexpectedCharacters):
        at = error.pos_in_stream or 0
        if text[at] in "\"'":
            closed = "a text in quotes, in which only quotes and backslashes follow a backslash"
            return FilterError(at + 1, "a quote that is not closed", closed)
        return FilterError(at + 1, repr(text[at]), _SIGNS)
    assert isinstance(error, UnexpectedToken)  # noqa: S101, the only other one of this parser
    if error.token.type == "$END":
        return FilterError(len(text) + 1, "the end", _listed(error.accepts))
    return FilterError(_at(error.token), repr(str(error.token)), _listed(error.accepts))


def _listed(kinds: set[str] | None) -> str:
    words = sorted(_WORDS.get(kind, kind.lower()) for kind in kinds or ())
    return ", ".join(words)


_PARSER = Lark(
    _GRAMMAR,
    start="either",
    parser="lalr",
    lexer="basic",
    transformer=_Nodes(),
    maybe_placeholders=False,
)
