"""CloudWatch Logs' filter patterns on JSON lines, as far as this project writes them; what is not read here is refused by name.

docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterator
from typing import Any

Test = Callable[[Any], bool]
_MISSING = object()
_TOKEN = re.compile(r"""\s*(?:(&&|\|\||[()]|!=|<=|>=|[=<>])|("(?:[^"\\]|\\.)*")|%((?:[^%\\]|\\.)*)%|([^\s()=<>!&|"]+))""")
_COMPARED: dict[str, Callable[[float, float], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
# Of what a regular expression may hold there; parentheses are not among it.
_REGEX = re.compile(r"[\w#=@/;,:\-^$?\[\]{}|\\*+. ]*", re.ASCII)
MOST_REGEXES = 2


class UnreadablePatternError(ValueError):
    """The service would refuse it, or this reader does not know it."""


def test(pattern: str) -> Callable[[str], bool]:
    """Whether a line is let through."""
    text = pattern.strip()
    if not text:
        return lambda _line: True
    if text.startswith("{") and text.endswith("}"):
        wanted = _Reader(text[1:-1]).all()

        def found(line: str) -> bool:
            try:
                document = json.loads(line)
            except json.JSONDecodeError:
                return False
            return isinstance(document, dict) and wanted(document)

        return found
    if re.fullmatch(r"\w+", text):
        return lambda line: re.search(rf"\b{text}\b", line) is not None
    if len(text) > 1 and text[0] == text[-1] == '"':
        return lambda line: text[1:-1] in line
    raise UnreadablePatternError(f"the local engine reads JSON patterns, one term or one phrase, not {pattern!r}")


class _Reader:
    """Recursive descent over `||`, `&&`, parentheses and comparisons."""

    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        if sum(kind == "regex" for kind, _ in self._tokens) > MOST_REGEXES:
            raise UnreadablePatternError(f"a pattern holds at most {MOST_REGEXES} regular expressions")

    def all(self) -> Test:
        found = self._either()
        if self._tokens:
            raise UnreadablePatternError(f"does not end where it should: {self._tokens[0][1]!r}")
        return found

    def _either(self) -> Test:
        parts = [self._both()]
        while self._took("||"):
            parts.append(self._both())
        return lambda document: any(part(document) for part in parts)

    def _both(self) -> Test:
        parts = [self._one()]
        while self._took("&&"):
            parts.append(self._one())
        return lambda document: all(part(document) for part in parts)

    def _one(self) -> Test:
        if self._took("("):
            inside = self._either()
            if not self._took(")"):
                raise UnreadablePatternError("a parenthesis is not closed")
            return inside
        kind, path = self._next()
        if kind != "word" or not re.fullmatch(r"\$(\.\w+)+", path):
            raise UnreadablePatternError(f"{path!r} is not the name of a field, as $.name")
        sign, comparison = self._next()
        if sign != "sign" or comparison not in _COMPARED:
            raise UnreadablePatternError(f"{comparison!r} is no comparison that the local engine knows")
        return _comparison(path.split(".")[1:], comparison, *self._next())

    def _took(self, sign: str) -> bool:
        if self._tokens and self._tokens[0] == ("sign", sign):
            del self._tokens[0]
            return True
        return False

    def _next(self) -> tuple[str, str]:
        if not self._tokens:
            raise UnreadablePatternError("ends in the middle")
        return self._tokens.pop(0)


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise UnreadablePatternError(f"cannot be read from here on: {text[position:]!r}")
        sign, quoted, regex, word = match.groups()
        if sign:
            yield "sign", sign
        elif quoted:
            yield "text", re.sub(r"\\(.)", r"\1", quoted[1:-1])
        elif regex is not None:
            yield "regex", regex
        else:
            yield "word", word
        position = match.end()


def _comparison(path: list[str], sign: str, kind: str, value: str) -> Test:
    matches = _value(sign, kind, value)

    def compare(document: Any) -> bool:
        found = document
        for name in path:
            found = found.get(name, _MISSING) if isinstance(found, dict) else _MISSING
        return found is not _MISSING and found is not None and matches(found)

    return compare


def _value(sign: str, kind: str, value: str) -> Test:
    if kind == "sign":
        raise UnreadablePatternError(f"{value!r} is no value")
    if kind == "word" and re.fullmatch(r"-?\d+(\.\d+)?", value):
        number, compare = float(value), _COMPARED[sign]
        return lambda found: isinstance(found, int | float) and not isinstance(found, bool) and compare(found, number)
    if sign not in ("=", "!="):
        raise UnreadablePatternError(f"{sign} compares numbers, and {value!r} is none")
    same = sign == "="
    if kind == "regex":
        if not _REGEX.fullmatch(value):
            raise UnreadablePatternError(f"%{value}% holds what a regular expression may not hold there")
        searched = re.compile(value)
        return lambda found: (searched.search(str(found)) is not None) is same
    if "*" in value:
        shape = re.compile(".*".join(map(re.escape, value.split("*"))), re.DOTALL)
        return lambda found: (shape.fullmatch(str(found)) is not None) is same
    return lambda found: (str(found) == value) is same
