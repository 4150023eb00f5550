"""Values of templates as people read them: references in short, nothing that moves a cursor, two long values where they differ."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

NOT_SET = "(not set)"
# Text that YAML would read as text without quotes, as far as that matters to a reader: "443" and 443 must not look the same.
_BARE = re.compile(r"(?![-+]?[0-9.]+$|true$|false$|null$|yes$|no$|on$|off$)[^\s!&*{}\[\]\"'|>%@`#,(]([^\n]*\S)?", re.IGNORECASE)
_CONTEXT = 12


def printable(text: str) -> str:
    """One line that looks like what it is: white space is one space, and what cannot be seen is spelled out."""
    joined = " ".join(text.split())
    # What Python calls not printable: control and format characters (some turn the direction of writing), lone surrogates, no characters.
    return joined if joined.isprintable() else "".join(one if one.isprintable() else _spelled(one) for one in joined)


def _spelled(character: str) -> str:
    number = ord(character)
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"  # noqa: PLR2004 - the end of the basic plane


def shown(value: Any) -> str:
    """As YAML in one line, references in CloudFormation's short form. None: not there on that side."""
    return NOT_SET if value is None else _flow(value)


def _flow(value: Any) -> str:
    if isinstance(value, str):
        return printable(value if _BARE.fullmatch(value) else json.dumps(value, ensure_ascii=False))
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_flow(item) for item in value)}]"
    if isinstance(value, Mapping):
        return _function(value) or f"{{{', '.join(f'{printable(str(key))}: {_flow(item)}' for key, item in value.items())}}}"
    return printable(str(value))


def _function(value: Mapping[Any, Any]) -> str:
    """Empty where it is an ordinary mapping. Symbols are what references become in a comparison (review/symbols.py)."""
    if "symbol" in value:
        attribute = f".{value['attribute']}" if value.get("attribute") else ""
        return printable(f"{value['symbol']}{attribute}{' (new)' if value.get('fresh') else ''}")
    if len(value) != 1:
        return ""
    (name, argument), *_ = value.items()
    if name in ("joined", "pseudo", "parameter"):
        return "".join(_flow(part) for part in (argument if isinstance(argument, list) else [argument]))
    if name == "Fn::GetAtt" and isinstance(argument, list):
        return printable(f"!GetAtt {'.'.join(str(part) for part in argument)}")
    if name in ("Ref", "Condition") or str(name).startswith("Fn::"):
        return f"!{printable(str(name)).removeprefix('Fn::')} {_flow(argument)}"
    return ""


def shortened(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def pair(before: Any, after: Any, limit: int) -> tuple[str, str]:
    """Both values in `limit` characters. Long ones begin shortly before the place where they differ."""
    old, new = shown(before), shown(after)
    if max(len(old), len(new)) <= limit:
        return old, new
    same = next((place for place, (one, other) in enumerate(zip(old, new, strict=False)) if one != other), min(len(old), len(new)))
    start = max(0, same - _CONTEXT)
    return _from(old, start, limit), _from(new, start, limit)


def _from(text: str, start: int, limit: int) -> str:
    return shortened(text if start == 0 or len(text) <= limit else f"…{text[start:]}", limit)
