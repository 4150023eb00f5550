"""A review for a terminal: what clients feel first, then what changes. Indented lines, no boxes: they survive any width and any pipe."""

from __future__ import annotations

import io
from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from pipeline.report import values, words
from pipeline.review.model import Change, Finding, OwnerReview, Property, Review, StackReview

NARROWEST, WIDEST = 24, 100
VALUE = 48
COLOURS = {"blocked": "bold red", "risky": "yellow", "safe": "green", "add": "green", "modify": "yellow", "remove": "red"}
QUIET = "dim"


def for_terminal(review: Review) -> str:
    """As wide as the terminal; colours only where there is one that wants them."""
    screen = Console()
    return text(review, width=screen.width, colour=screen.is_terminal and not screen.no_color)


def text(review: Review, *, width: int = 80, colour: bool = False) -> str:
    file = io.StringIO()
    console = Console(
        file=file,
        width=max(NARROWEST, min(width, WIDEST)),
        force_terminal=colour,
        color_system="standard" if colour else None,
        legacy_windows=False,
        _environ={},
    )
    for marker, body in _lines(review):
        _print(console, marker, body)
    return "".join(f"{line.rstrip()}\n" for line in file.getvalue().splitlines())


def _print(console: Console, marker: Text, body: Text) -> None:
    """The body beside the marker, which is indented as it is; on a narrow terminal further lines are indented less."""
    indent = min(marker.cell_len, console.width // 2)
    for number, line in enumerate(body.wrap(console, max(1, console.width - marker.cell_len)) or [Text()]):
        line.rstrip()
        console.print(Text.assemble(marker if number == 0 else " " * indent, line), soft_wrap=True)


def _lines(review: Review) -> Iterator[tuple[Text, Text]]:
    """Marker and body of each line."""
    heading, _, rest = words.headline(review).partition(f"{review.verdict} - ")
    yield Text(), Text.assemble(heading, (review.verdict, COLOURS[review.verdict]), f" - {rest}")
    yield Text(), Text(f"{values.printable(review.base)} -> {values.printable(review.head)}", QUIET)
    if review.plan:
        yield Text(), Text(words.plan_words(review), QUIET)
    for owner in review.owners:
        if not owner.empty:
            yield from _owner(owner)
    if (same := words.unchanged(review)) and not review.empty:
        yield _empty()
        yield Text(), Text(same, QUIET)


def _empty() -> tuple[Text, Text]:
    return Text(), Text()


def _owner(owner: OwnerReview) -> Iterator[tuple[Text, Text]]:
    yield _empty()
    yield Text(), Text.assemble((values.printable(owner.owner), "bold"), " ", (owner.verdict, COLOURS[owner.verdict]))
    for finding in owner.findings:
        yield from _finding(finding)
    if owner.timing:
        yield _fact("takes"), Text(f"{words.timing(owner.timing)}: {values.printable(owner.timing.connections)}")
        for step in owner.timing.steps:
            yield _fact(""), Text(f"- {values.printable(step)}", QUIET)
    if owner.cost:
        yield _fact("costs"), Text(words.cost(owner.cost))
    for stack in owner.stacks:
        if stack.action != "none":
            yield from _stack(owner, stack)
    if same := [values.printable(stack.stack) for stack in owner.stacks if stack.action == "none"]:
        yield _empty()
        yield Text("  "), Text(f"{', '.join(same)}: {words.NO_CHANGE}", QUIET)


def _fact(name: str, style: str = QUIET) -> Text:
    return Text.assemble("  ", (f"{name:<9}", style))


def _finding(finding: Finding) -> Iterator[tuple[Text, Text]]:
    yield _fact(finding.verdict, COLOURS[finding.verdict]), Text(values.printable(finding.text))
    where = f"{words.place(finding)} " if words.place(finding) else ""
    yield _fact(""), Text(f"{where}[{values.printable(finding.rule)}]", QUIET)
    if finding.mend:
        yield _fact(""), Text.assemble(("instead: ", "bold"), values.printable(finding.mend))
    if finding.accepted:
        yield _fact(""), Text(values.printable(finding.accepted), "italic")


def _stack(owner: OwnerReview, stack: StackReview) -> Iterator[tuple[Text, Text]]:
    yield _empty()
    yield Text("  "), Text.assemble((values.printable(stack.stack), "bold"), f"  {words.stack_words(stack)}")
    if words.without_resources(stack):
        yield Text("    "), Text(words.without_resources(stack), QUIET)
    for change in stack.changes:
        yield from _change(owner, change)
    for name in stack.parameters:
        yield Text.assemble("    ", ("~ ", COLOURS["modify"])), Text(f"parameter {values.printable(name)} has a new value")


def _change(owner: OwnerReview, change: Change) -> Iterator[tuple[Text, Text]]:
    mark = Text.assemble("    ", (f"{words.MARKS[change.action]} ", COLOURS[change.action]))
    severe = owner.verdict_of(change) == "blocked" or words.replaces(change)
    name = f"{values.printable(change.logical_id)} ", (f"({values.printable(change.type)}) ", QUIET)
    yield mark, Text.assemble(*name, (words.behaviour(change), COLOURS["blocked"] if severe else ""))
    for one in words.differences(change):
        yield from _difference(one)


def _difference(one: Property) -> Iterator[tuple[Text, Text]]:
    before, after = values.pair(one.before, one.after, VALUE)
    change = (words.because(one),) if one.because else ((before, COLOURS["remove"]), " -> ", (after, COLOURS["add"]))
    why = f" ({words.why(one)})" if words.why(one) else ""
    yield Text(" " * 8), Text.assemble(f"{values.printable(one.path)}: ", *change, (why, QUIET))
