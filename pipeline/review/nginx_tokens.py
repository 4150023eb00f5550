"""An nginx configuration as a tree of directives. Strict: what is not closed or not named is an error.

crossplane reads the same, from files and a hundred times slower; tests hold this against it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from pipeline.errors import PipelineError

# Deeper than any configuration: http, server, location, if.
DEEPEST = 20

_TOKEN = re.compile(
    r"""(?:\s+|\#[^\n]*)*                                       # nothing to read
        ( [;{}]
        | "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*'
        | (?!["'])(?:\$\{[^}\s]*\}|\\.|[^\s;{}\\])+
        | \S )?                                                  # a quote or a backslash that nothing follows
    """,
    re.VERBOSE | re.DOTALL,
)
_ODD = ('"', "'", "\\")
_PAIR = re.compile(r"\\(.)", re.DOTALL)


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
    joined = " ".join(words)
    if len(joined.split()) == len(words) and not (";" in joined or "{" in joined or "}" in joined):
        return joined
    return " ".join(word if len(word.split()) == 1 and not set(";{}") & set(word) else f'"{word}"' for word in words)


def parse(text: str) -> tuple[Directive, ...]:
    """Raises Unreadable."""
    done: list[Directive] = []
    words: list[str] = []
    open_blocks: list[tuple[list[Directive], list[str]]] = []
    for word in _TOKEN.findall(text):
        if word not in ("", ";", "{", "}"):
            words.append(word if word[0] not in _ODD else _unquoted(word))
        elif word == "}":
            if words or not open_blocks:
                raise Unreadable(f"an unexpected }}, after {words[0]!r}" if words else "a } that closes nothing")
            block = tuple(done)
            done, words = open_blocks.pop()
            done.append(_directive(words, block))
            words = []
        elif word and (not words or len(open_blocks) > DEEPEST):
            raise Unreadable(f"a {word} without a directive" if not words else f"more than {DEEPEST} blocks in each other")
        elif word == ";":
            done.append(_directive(words, None))
            words = []
        elif word:
            open_blocks.append((done, words))
            done, words = [], []
    if words or open_blocks:
        raise Unreadable(f"{(words or open_blocks[-1][1])[0]!r} is not closed")
    return tuple(done)


def _unquoted(word: str) -> str:
    if word in _ODD:
        raise Unreadable("a quote is not closed, or nothing follows a backslash")
    quote, text = word[0], word[1:-1]
    if quote == "\\":
        return word
    return _PAIR.sub(lambda pair: quote if pair[1] == quote else pair[0], text) if "\\" in text else text


def _directive(words: list[str], block: tuple[Directive, ...] | None) -> Directive:
    if words[0] != "if":
        # Half the time of calling the class, and there are a thousand of them in a file.
        return tuple.__new__(Directive, (words[0], tuple(words[1:]), block))
    args = words[1:]
    if args and args[0].startswith("(") and args[-1].endswith(")"):
        args[0] = args[0][1:]
        args[-1] = args[-1][:-1]
        args = args[not args[0] : len(args) - (not args[-1])]
    return Directive("if", tuple(args), block)
