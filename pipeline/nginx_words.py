"""Values as nginx's configuration can hold them."""

from __future__ import annotations

import re

from pipeline.errors import PipelineError


class Checked(str):
    """Text built in this project from parts that are safe, with characters that a person's value may not have."""

    __slots__ = ()


def nginx_word(value: object) -> str:
    r"""A value as one word of nginx's configuration, or an error; every `{{ }}` of the templates passes through here.

    Inside quotes nginx still reads $ as a variable and \ as an escape, so a value with one of those is refused, not escaped.
    """
    if isinstance(value, (int, Checked)) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise PipelineError(f"nginx templates: {value!r} is neither text nor a number")
    if re.fullmatch(r"[A-Za-z0-9_./:%@,+-]+", value):
        return value
    if re.search(r'["\\$]', value) or not value.isprintable():
        raise PipelineError(f"sites: {value!r} cannot be written into nginx's configuration: it has a control character, \", \\ or $")
    return f'"{value}"'


def words(values: tuple[str, ...]) -> Checked:
    """Several values as one word, for what reads a list: names of domains, networks."""
    return Checked('"' + " ".join(nginx_word(value) for value in values) + '"')
