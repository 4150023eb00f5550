"""Whatever stands in the files, the answer is a project or sentences about the files, never another exception."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from stacks.environment import ConfigError, Environment
from stacks.project import load

FILES = ("pipeline/pipeline.toml", "stacks/environments/test.toml")
Files = dict[str, dict[str, Any]]
SENTENCE = re.compile(r"(pipeline/pipeline|stacks/environments/[a-z]+)\.toml: \S.*")

# Text with what a host, a network, a path or an injection is made of, so that more of it comes near to being valid.
TEXT = st.text(max_size=40) | st.text(alphabet="abcz019.-:/*@#?%$;{}'\"\\\n \u00e9\u4f8b", max_size=60)
NETWORK = st.builds("{}.{}.{}.0/{}".format, *[st.integers(0, 300)] * 3, st.integers(-1, 40))
VALUE = st.recursive(
    TEXT | NETWORK | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans() | st.dates() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


def places(table: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    entries = table.items() if isinstance(table, dict) else enumerate(table) if isinstance(table, list) else ()
    for step, inner in entries:
        yield (*path, step)
        yield from places(inner, (*path, step))


def judged(texts: dict[str, bytes]) -> tuple[str, ...]:
    """The problems; none for a valid project. Anything else that is raised fails the test."""
    with TemporaryDirectory() as folder:
        for name, text in texts.items():
            (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
            (Path(folder) / name).write_bytes(text)
        try:
            project = load(Path(folder), today=date(2030, 1, 1))
        except ConfigError as error:
            return error.problems
    for env in project.environments:
        assert Environment.model_validate(env.model_dump()) == env
    return ()


def assert_sentences(problems: tuple[str, ...]) -> None:
    assert [problem for problem in problems if not (SENTENCE.fullmatch(problem) and problem.isprintable())] == []


def without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_none(inner) for key, inner in value.items() if inner is not None}
    return [without_none(inner) for inner in value if inner is not None] if isinstance(value, list) else value


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_any_change_of_the_keys_and_values(data: st.DataObject, valid: Callable[[], Files], toml: Callable[[dict[str, Any]], str]) -> None:
    files = valid()
    for _ in range(data.draw(st.integers(1, 3))):
        table: Any = files[data.draw(st.sampled_from(FILES))]
        path = data.draw(st.sampled_from(list(places(table)) or [("name",)]))
        for step in path[:-1]:
            table = table[step]
        change = data.draw(st.sampled_from(("replace", "remove", "add")))
        if change == "remove" and isinstance(table, dict):
            table.pop(path[-1], None)
        elif change == "add" and isinstance(table, dict):
            table[data.draw(TEXT)] = data.draw(VALUE)
        else:
            table[path[-1]] = data.draw(VALUE)
    assert_sentences(judged({name: toml(without_none(table)).encode(errors="replace") for name, table in files.items()}))


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_any_change_of_the_bytes(data: st.DataObject, valid: Callable[[], Files], toml: Callable[[dict[str, Any]], str]) -> None:
    texts = {name: toml(table).encode() for name, table in valid().items()}
    name = data.draw(st.sampled_from(FILES))
    text = texts[name]
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 20)))
    texts[name] = text[:start] + data.draw(st.binary(max_size=20) | TEXT.map(str.encode)) + text[end:]
    assert_sentences(judged(texts))


def test_the_start_is_valid(valid: Callable[[], Files], toml: Callable[[dict[str, Any]], str]) -> None:
    assert judged({name: toml(table).encode() for name, table in valid().items()}) == ()
