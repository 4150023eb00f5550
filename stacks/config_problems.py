"""How a configuration file is judged: each key on its own, every problem at once, each in a sentence a person can act on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from difflib import get_close_matches
from functools import cache
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

Path = tuple[str | int, ...]


class Problem(NamedTuple):
    """What is wrong at a key path, and what would be right."""

    path: Path
    text: str


class ConfigError(Exception):
    """Every problem of every configuration file, each as `file: key path: what is wrong and what would be right`."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Model(BaseModel):
    # Strict: "2" is not a number and 1 is not a boolean. The attribute docstrings are what editors show, through the JSON Schema.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)

    def rules(self) -> Iterator[Problem]:
        """Between the fields of this model; what a single field may hold is said by its type."""
        return iter(())

    @model_validator(mode="after")
    def _keep_rules(self) -> Model:
        problems = tuple(self.rules())
        if problems:
            # pydantic lets a validator name one place only; the context carries the others to `_from_error`.
            raise PydanticCustomError("rules", "{text}", {"text": "; ".join(map(str, problems)), "problems": problems})
        return self


Rule = tuple[tuple[str, ...], Callable[..., Iterable[Problem]]]


def judge(model: type[Model], data: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """The keys that are sound, parsed, so that rules between them can still be checked, and the problems of the others."""
    try:
        return dict(model.model_validate(data)), []
    except ValidationError as error:
        details = error.errors(include_url=False)
    broken = {detail["loc"][0] for detail in details if detail["loc"]}
    sound = {
        name: _adapter(model, name).validate_python(data[name]) if name in data else field.get_default(call_default_factory=True)
        for name, field in model.model_fields.items()
        if name not in broken
    }
    return sound, [problem for detail in details for problem in _from_error(model, detail)]


def keep(rules: Iterable[Rule], sound: Mapping[str, Any]) -> Iterator[Problem]:
    """The problems that the rules find, as far as the keys they need are sound."""
    for needs, rule in rules:
        if all(name in sound for name in needs):
            yield from rule(*(sound[name] for name in needs))


def line(file: str, problem: Problem) -> str:
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{shown_key(step)}" for step in problem.path).removeprefix(".")
    return ": ".join(part for part in (file, path, problem.text) if part)


def shown(value: object) -> str:
    """A value with every control character made visible, and cut where it gets long."""
    text = str(value).lower() if isinstance(value, bool) else str(value) if isinstance(value, date) else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."  # noqa: PLR2004 half a line of the message is enough to find the value


def shown_key(key: str) -> str:
    return key if key.replace("-", "").replace("_", "").isalnum() else shown(key)


def choice(options: Iterable[object]) -> str:
    """`a, b or c`."""
    *most, last = [str(option) for option in options]
    return f"{', '.join(most)} or {last}" if most else last


def exactly_one(**options: object) -> Iterator[Problem]:
    given = [name for name, value in options.items() if value is not None]
    if len(given) != 1:
        yield Problem((), f"needs exactly one of {' and '.join(options)}; given: {' and '.join(given) or 'none'}")


@cache
def _adapter(model: type[Model], name: str) -> TypeAdapter[Any]:
    # The value has passed the model already; its bare type is enough to build the object.
    annotation: Any = model.model_fields[name].annotation
    return TypeAdapter(annotation)


def _from_error(model: type[Model], detail: ErrorDetails) -> Iterator[Problem]:
    path, kind, given = detail["loc"], detail["type"], detail["input"]
    context: Mapping[str, Any] = detail.get("ctx", {})
    if kind == "rules":
        yield from (Problem((*path, *problem.path), problem.text) for problem in context["problems"])
    elif kind == "missing":
        yield Problem(path, f"is missing: {_described(model, path)}")
    elif kind == "extra_forbidden":
        yield Problem(path, _unknown(model, path))
    elif path and path[-1] == "[key]":
        yield Problem(path[:-2], str(context["error"]))
    elif kind == "value_error":
        yield Problem(path, str(context["error"]))
    elif kind == "too_short" and given:
        return  # items were there; what is wrong with them is said by themselves
    elif kind in SENTENCES:
        yield Problem(path, f"{shown(given)} {SENTENCES[kind].format(**context)}")
    else:
        yield Problem(path, f"{shown(given)}: {detail['msg']}")


SENTENCES = {
    "int_type": "is not a whole number (without quotes)",
    "string_type": "is not a text in quotes",
    "bool_type": "is neither true nor false (without quotes)",
    "date_type": "is not a date; write it like 2035-03-31, without quotes",
    "tuple_type": "is not a list in square brackets",
    "dict_type": "is not a table of keys and values",
    "model_type": "is not a table of keys and values",
    "literal_error": "is not allowed; choose {expected}",
    "too_short": "is empty; at least {min_length} is needed",
    "too_long": "has {actual_length} entries; at most {max_length} are allowed",
    "greater_than_equal": "is too small; at least {ge}",
    "less_than_equal": "is too big; at most {le}",
}


def _described(model: type[Model], path: Path) -> str:
    parent = _model_at(model, path[:-1])
    return (parent.model_fields[str(path[-1])].description or "").rstrip(".")


def _unknown(model: type[Model], path: Path) -> str:
    known = tuple(_model_at(model, path[:-1]).model_fields)
    near = get_close_matches(str(path[-1]), known, n=1)
    return f"is not a key here; did you mean {near[0]}?" if near else f"is not a key here; there are {', '.join(known)}"


def _model_at(model: type[Model], path: Path) -> type[Model]:
    for step in path:
        if isinstance(step, str):
            model = _model_in(model.model_fields[step].annotation) or model
    return model


def _model_in(annotation: Any) -> type[Model] | None:
    """The model inside `X | None` or `tuple[X, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)
