"""A review without account ids, for readers outside (--public).

Done before it is put into words, so that no cut or wrapped value slips through.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from pipeline.review.model import Property, Review

_WORD = re.compile(r"(?:%[0-9A-Fa-f]{2})|[0-9A-Za-z]+")
_ACCOUNT = re.compile(r"(?<![0-9])([0-9]{6})[0-9]{6}(?![0-9])")
# Ids of AWS resources, and hashes: MD5, SHA-1, SHA-224, SHA-256, SHA-384, SHA-512.
_HASHES = {17, 32, 40, 56, 64, 96, 128}
_HEXADECIMAL = re.compile(r"[0-9a-f]+")
# The last group of a UUID has twelve digits, too.
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-zA-Z])", re.IGNORECASE)


def public(review: Review) -> Review:
    """Account ids keep their first six digits, which are enough to tell two of them apart."""
    masked: Review = _fields(review)
    return masked


def account_ids_masked(text: str) -> str:
    uuids = {place for found in _UUID.finditer(text) for place in range(found.start(), found.end())}
    return _WORD.sub(lambda word: word[0] if word.start() in uuids else _word(word[0]), text)


def _word(word: str) -> str:
    if len(word) in _HASHES and _HEXADECIMAL.fullmatch(word):
        return word
    return _ACCOUNT.sub(r"\1******", word)


def _fields(value: Any) -> Any:
    """Of our own types. Numbers stay: only values of templates may be account ids."""
    if isinstance(value, str):
        return account_ids_masked(value)
    if isinstance(value, tuple):
        return tuple(_fields(item) for item in value)
    if isinstance(value, Mapping):
        return {_fields(key): _fields(item) for key, item in value.items()}
    if isinstance(value, Property):
        known = {"before": _value(value.before), "after": _value(value.after)}
        return replace(value, path=account_ids_masked(value.path), because=account_ids_masked(value.because), **known)
    if hasattr(value, "__dataclass_fields__"):
        return replace(value, **{field.name: _fields(getattr(value, field.name)) for field in fields(value)})
    return value


def _value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_value(key): _value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_value(item) for item in value]
    if value is None or isinstance(value, bool):
        return value
    text = str(value)
    masked = account_ids_masked(text)
    return value if masked == text else masked
