"""Whatever stands in the files, the answer is a project or sentences about the files, never another exception."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stacks.environment import Answer, ConfigError, Environment, Maintenance, OriginSettings, PathRule, Port, Site
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


SECRET = "arn:aws:secretsmanager:ap-northeast-1:111122223333:secret:demo/origin-AbCdEf"
# Every key that the small sample does not have.
MORE = {
    "origins": [
        {"url": "https://origin.example.net", "protocol": "http/2", "ca": "partner.pem", "tls_name": "a.example.net", "internal": True},
        {"url": "https://files.example.net:8443", "client_certificate": SECRET, "idle_timeout": 20},
    ],
    "ports": [
        {"port": 5432, "origin": "db.example.net:5432", "idle_timeout": 600, "internal": True},
        {"port": 22, "names": {"a.example.com": "a.example.net:443"}},
    ],
}
MORE_OF_A_SITE = {
    "methods": ["GET", "POST"],
    "request_headers": {"X-Partner": "kotei"},
    "response_headers": {"Cache-Control": ""},
    "connection_limit": 5,
    "allow": ["203.0.113.0/28"],
    "cache": True,
    "streaming": False,
    "host_header": "origin.example.net",
    "connect_timeout": 3,
    "maintenance": {"message": "Back at nine", "content_type": "text/html", "retry_after": 60},
}
MORE_PATHS = [
    {"path": "/a/", "rewrite": "/b/", "methods": ["PUT"], "max_body": 20, "read_timeout": 30, "cache": False, "streaming": True},
    {"path": "/robots.txt", "answer": {"status": 200, "body": "none", "content_type": "text/plain"}},
    {"path": "/c", "answer": {"status": 301, "location": "/d"}},
]


@pytest.fixture(scope="session")
def full(valid: Callable[[], Files]) -> Callable[[], Files]:
    """The sample with every key that there is."""

    def files() -> Files:
        more: Files = deepcopy(valid())
        environment = more[FILES[1]]
        environment.update(deepcopy(MORE))
        environment["sites"][0].update(deepcopy(MORE_OF_A_SITE))
        environment["sites"][0]["paths"].extend(deepcopy(MORE_PATHS))
        return more

    return files


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
def test_any_change_of_the_keys_and_values(data: st.DataObject, full: Callable[[], Files], toml: Callable[[dict[str, Any]], str]) -> None:
    files = full()
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
def test_any_change_of_the_bytes(data: st.DataObject, full: Callable[[], Files], toml: Callable[[dict[str, Any]], str]) -> None:
    texts = {name: toml(table).encode() for name, table in full().items()}
    name = data.draw(st.sampled_from(FILES))
    text = texts[name]
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 20)))
    texts[name] = text[:start] + data.draw(st.binary(max_size=20) | TEXT.map(str.encode)) + text[end:]
    assert_sentences(judged(texts))


def test_the_start_is_valid(full: Callable[[], Files], toml: Callable[[dict[str, Any]], str]) -> None:
    assert judged({name: toml(table).encode() for name, table in full().items()}) == ()


def test_the_start_has_every_key(full: Callable[[], Files]) -> None:
    """What is not there is never changed: a new key has to be added above."""
    written = {str(step) for path in places(full()[FILES[1]]) for step in path}
    sections = (Site, PathRule, OriginSettings, Port, Answer, Maintenance)
    missing = {f"{model.__name__}.{key}" for model in sections for key in model.model_fields if key not in written}
    assert missing == set()
