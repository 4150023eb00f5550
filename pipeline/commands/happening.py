"""Stack events as they happen: a live tree at a terminal, else a line each. On stderr, like everything that is not the result."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pipeline.commands.common import tell

if TYPE_CHECKING:
    from rich.tree import Tree

    from pipeline.stack_events import Event, Watch

STACK = "AWS::CloudFormation::Stack"


@contextmanager
def shown() -> Iterator[tuple[Callable[[str], None], Watch]]:
    """What is said, and what is watched."""
    try:
        with _shown() as found:
            yield found
    except KeyboardInterrupt:
        tell("stopped here; what AWS has begun, it goes on with. Run the same command again: it waits for that, and does the rest")
        raise


@contextmanager
def _shown() -> Iterator[tuple[Callable[[str], None], Watch]]:
    if not _redraws():
        yield tell, lambda event: tell(line(event))
        return
    from rich.console import Console
    from rich.live import Live
    from rich.tree import Tree

    root = Tree("CloudFormation", hide_root=True)
    stacks: dict[str, tuple[Tree, dict[str, Tree]]] = {}
    with Live(root, console=Console(stderr=True), refresh_per_second=4) as live:
        # Neither brackets nor numbers mean anything in what is said, and an address that is cut in two cannot be clicked.
        yield lambda text: live.console.print(text, markup=False, highlight=False, soft_wrap=True), lambda event: _grow(root, stacks, event)


@contextmanager
def waiting(what: str) -> Iterator[Callable[[str], None]]:
    """What is waited for; how far it is shows in the same line, where a terminal can do that."""
    if not _redraws():
        tell(what)
        yield lambda _: None
        return
    from rich.console import Console
    from rich.text import Text

    with Console(stderr=True).status(Text(what)) as status:
        yield lambda text: status.update(Text(f"{what}: {text}"))


def _redraws() -> bool:
    """Whether a line that was shown can be shown anew."""
    return sys.stderr.isatty() and os.environ.get("TERM") not in {None, "", "dumb", "unknown"}


def line(event: Event) -> str:
    from pipeline.stack_events import plain

    reason = f": {plain(event.reason)}" if event.failed else ""
    return f"  {event.time}  {event.resource}  {event.type}  {event.status}{reason}"


def _grow(root: Tree, stacks: dict[str, tuple[Tree, dict[str, Tree]]], event: Event) -> None:
    """One branch a stack, one leaf a resource, which shows its latest event."""
    stack = event.stack
    if stack not in stacks:
        stacks[stack] = (root.add(stack), {})
    branch, leaves = stacks[stack]
    if event.type == STACK:
        branch.label = _coloured(event, stack)
    elif event.resource in leaves:
        leaves[event.resource].label = _coloured(event, event.resource)
    else:
        leaves[event.resource] = branch.add(_coloured(event, event.resource))


def _coloured(event: Event, name: str) -> str:
    from rich.markup import escape

    from pipeline.stack_events import plain

    colour = "red" if event.failed else "green" if event.status.endswith("COMPLETE") else "yellow"
    reason = f" {plain(event.reason)}" if event.failed else ""
    return f"{escape(name)} [dim]{event.type}[/dim] [{colour}]{event.status}[/{colour}]{escape(reason)}"
