"""How a configuration file is judged: each key on its own, every problem at once, each in a sentence a person can act on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from difflib import get_close_matches
from functools import cache
from typing import Any, ClassVar, NamedTuple, Self, get_args

from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, TypeAdapter, ValidationError, ValidationInfo, model_validator
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

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


# The keys that a rule needs, and the rule. It is asked as soon as those keys are sound, whatever else is broken.
Rule = tuple[tuple[str, ...], Callable[..., Iterable[Problem]]]
SHAPE_ONLY = "shape only"


class Model(BaseModel):
    # Strict: "2" is not a number and 1 is not a boolean. The attribute docstrings are what editors show, through the JSON Schema.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)

    RULES: ClassVar[tuple[Rule, ...]] = ()

    @model_validator(mode="wrap")
    @classmethod
    def _keep_rules(cls, data: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        """Asks the rules even where pydantic itself has found something; what may stand in a single field is said by its type."""
        around = info.context or {}
        if SHAPE_ONLY in around:
            return handler(data)
        try:
            model, found = handler(data), []
            sound = dict(model)
        except ValidationError as error:
            found = error.errors(include_url=False)
            if not isinstance(data, Mapping):
                raise
            sound = sound_keys(cls, data, found)
        broken = [*map(_again, found), *(_as_error(problem, data) for problem in kept(cls.RULES, {**around, **sound}))]
        if broken:
            raise ValidationError.from_exception_data(cls.__name__, broken)
        return model


def judge(model: type[Model], data: Mapping[str, Any], around: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """The keys of a file that are sound, parsed, and the problems of the others. Rules may also need what is `around` the file."""
    try:
        return dict(model.model_validate(data, context=around)), []
    except ValidationError as error:
        found = error.errors(include_url=False)
    return sound_keys(model, data, found), [_problem(model, detail) for detail in found if not _said_by_entries(detail)]


def sound_keys(model: type[Model], data: Mapping[str, Any], found: Iterable[ErrorDetails]) -> dict[str, Any]:
    """A key is sound when it has the right shape; rules further up are asked even where a rule further down is broken."""
    broken = {detail["loc"][0] for detail in found if detail["type"] != RULE}
    context = {SHAPE_ONLY: True}
    return {
        name: _adapter(model, name).validate_python(data[name], context=context) if name in data else field.get_default()
        for name, field in model.model_fields.items()
        if name not in broken
    }


def kept(rules: Iterable[Rule], sound: Mapping[str, Any]) -> Iterator[Problem]:
    """What the rules find, as far as the keys that they need are sound."""
    for needs, rule in rules:
        if all(name in sound for name in needs):
            yield from rule(*(sound[name] for name in needs))


RULE = "rule"


def _as_error(problem: Problem, data: Any) -> InitErrorDetails:
    return InitErrorDetails(type=PydanticCustomError(RULE, "{text}", {"text": problem.text}), loc=problem.path, input=data)


def _again(detail: ErrorDetails) -> InitErrorDetails:
    """An error as it was found, in the form in which it can be raised once more."""
    kind, context = detail["type"], detail.get("ctx", {})
    again = PydanticCustomError(RULE, "{text}", context) if kind == RULE else kind
    return InitErrorDetails(type=again, loc=detail["loc"], input=detail["input"], ctx=context)


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


def exactly_one(*names: str) -> Rule:
    def rule(*values: object) -> Iterator[Problem]:
        given = [name for name, value in zip(names, values, strict=True) if value not in (None, False)]
        if len(given) != 1:
            yield Problem((), f"needs exactly one of {' and '.join(names)}; given: {' and '.join(given) or 'none'}")

    return names, rule


@cache
def _adapter(model: type[Model], name: str) -> TypeAdapter[Any]:
    # The value has passed the model already; its bare type is enough to build the object.
    annotation: Any = model.model_fields[name].annotation
    return TypeAdapter(annotation)


def _problem(model: type[Model], detail: ErrorDetails) -> Problem:
    path, kind, given = detail["loc"], detail["type"], detail["input"]
    context: Mapping[str, Any] = detail.get("ctx", {})
    if kind == "missing":
        return Problem(path, f"is missing: {_described(model, path)}")
    if kind == "extra_forbidden":
        return Problem(path, _unknown(model, path))
    if kind == RULE:
        return Problem(path, str(context["text"]))
    if kind == "value_error":
        return Problem(path[:-2] if path[-1] == "[key]" else path, str(context["error"]))
    if kind in SENTENCES:
        return Problem(path, f"{shown(given)} {SENTENCES[kind].format(**context)}")
    return Problem(path, f"{shown(given)}: {detail['msg']}")


def _said_by_entries(detail: ErrorDetails) -> bool:
    """Only the sound entries of a list are counted; what is wrong with the others is said by themselves."""
    return detail["type"] == "too_short" and bool(detail["input"])


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
    # Nearer than the default, or `upstream` would become `streaming`.
    near = get_close_matches(str(path[-1]), known, n=1, cutoff=0.75)
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
