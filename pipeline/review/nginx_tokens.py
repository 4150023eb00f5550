"""An nginx configuration as a tree of directives. Strict: what is not closed or not named is an error.

crossplane reads the same, from files and a hundred times slower; tests hold this against it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from pipeline.errors import PipelineError

# Deeper than any configuration: http, server, location, if.
DEEPEST = 20

_TOKEN = re.compile(
    r"""(?:\s+|\#[^\n]*)*                                       # nothing to read
        (?: ([;{}])                                             # 1 what ends or opens
          | "((?:[^"\\]|\\.)*)" | '((?:[^'\\]|\\.)*)'           # 2, 3 quoted
          | ((?!["'])(?:\$\{[^}]*\}|\\.|[^\s;{}\\])+)           # 4 a word
          | (\S) )?                                             # 5 a quote or a backslash that nothing follows
    """,
    re.VERBOSE | re.DOTALL,
)
_PAIR = re.compile(r"\\(.)", re.DOTALL)
_PUNCTUATION, _DOUBLE, _SINGLE, _WORD, _ODD = 1, 2, 3, 4, 5
_BREAKS = re.compile(r"[\s;{}]")


class Unreadable(PipelineError):
    """The text is no configuration that nginx would start with."""


class Directive(NamedTuple):
    """`block` is None where the directive has none. Of `if`, the outer parentheses are not part of `args`."""

    name: str
    args: tuple[str, ...]
    block: tuple[Directive, ...] | None = None

    @property
    def text(self) -> str:
        """In one line, the same for all spellings of the same words."""
        words = sentence((self.name, *self.args))
        return words if self.block is None else f"{words} {{ {' '.join(f'{one.text};' for one in self.block)} }}"


def sentence(words: tuple[str, ...]) -> str:
    return " ".join(word if word and not _BREAKS.search(word) else f'"{word}"' for word in words)


def parse(text: str) -> tuple[Directive, ...]:
    """Raises Unreadable."""
    done: list[Directive] = []
    words: list[str] = []
    open_blocks: list[tuple[list[Directive], list[str]]] = []
    for kind, word in _words(text):
        if kind != _PUNCTUATION:
            words.append(word)
        elif word == "}":
            if words or not open_blocks:
                raise Unreadable(f"an unexpected }} {f'after {words[0]!r}' if words else 'closes nothing'}")
            block = tuple(done)
            done, words = open_blocks.pop()
            done.append(_directive(words, block))
            words = []
        elif not words:
            raise Unreadable(f"a {word} without a directive")
        elif word == ";":
            done.append(_directive(words, None))
            words = []
        else:
            open_blocks.append((done, words))
            done, words = [], []
            if len(open_blocks) > DEEPEST:
                raise Unreadable(f"more than {DEEPEST} blocks in each other")
    if words or open_blocks:
        raise Unreadable(f"{(words or open_blocks[-1][1])[0]!r} is not closed")
    return tuple(done)


def _words(text: str) -> Iterator[tuple[int, str]]:
    for match in _TOKEN.finditer(text):
        kind = match.lastindex
        if kind is None:
            continue
        token = match[kind]
        if kind == _ODD:
            raise Unreadable(f"line {text.count(chr(10), 0, match.start(kind)) + 1}: a quote is not closed")
        if kind in (_DOUBLE, _SINGLE) and "\\" in token:
            quote = '"' if kind == _DOUBLE else "'"
            token = _PAIR.sub(lambda pair, quote=quote: quote if pair[1] == quote else pair[0], token)
        yield kind, token


def _directive(words: list[str], block: tuple[Directive, ...] | None) -> Directive:
    name, *args = words
    if name == "if" and args and args[0].startswith("(") and args[-1].endswith(")"):
        args[0] = args[0][1:]
        args[-1] = args[-1][:-1]
        args = args[not args[0] : len(args) - (not args[-1])]
    return Directive(name, tuple(args), block)
