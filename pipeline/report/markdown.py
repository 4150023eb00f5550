"""A review as one comment of a pull request, or as the summary of a job. Whatever a template holds, it stays text.

The comment begins with a hidden marker, by which the next run finds it and writes it anew.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.report import values, words
from pipeline.review.model import VERDICTS, Change, Finding, OwnerReview, Review, StackReview, Verdict

MARKER = "<!-- kotei review -->"
# GitHub refuses a longer comment ("Body is too long (maximum is 65536 characters)"). Bytes are never fewer than what it counts.
# A job's summary may have 1 MiB (GitHub documentation, "Workflow commands": adding a job summary).
COMMENT_LIMIT = 65_536
SIGNS: dict[Verdict, str] = {"blocked": "⛔", "risky": "⚠️", "safe": "✅"}
PROSE, VALUE, STACK_LINES = 1_500, 120, 150
_SPECIAL = re.compile(r"[\\`*_{}\[\]|~!$]")
# An invisible space: GitHub would make of these a mention, which sends mail, or a link to elsewhere.
_LINKED = re.compile(r"@|#(?=\w)|(?<=\bwww)\.|:(?=//)|(?<=\bGH)-(?=\d)", re.IGNORECASE)
# At the beginning of a line these would begin a heading, a list, or make a heading of the line above.
_BLOCK = re.compile(r"\A(\d*)([-+#=.)])")
_INVISIBLE = "&#8203;"


@dataclass(frozen=True, kw_only=True)
class _Item:
    """A part that may be cut; the worst are cut last. `kind` says what is missing then."""

    owner: int
    kind: str
    text: str


def comment(review: Review, *, limit: int = COMMENT_LIMIT) -> str:
    """At most `limit` bytes."""
    items = tuple(_items(review))
    fits, too_many = 0, len(items) + 1
    while too_many - fits > 1:
        middle = (fits + too_many) // 2
        if len(_laid_out(review, items, middle).encode()) <= limit:
            fits = middle
        else:
            too_many = middle
    # Without any item there are only headings, and a limit far above them.
    return _laid_out(review, items, fits).encode()[:limit].decode(errors="ignore")


def prose(text: str) -> str:
    """Text in which nothing is markup."""
    plain = html.escape(values.shortened(values.printable(text), PROSE), quote=False)
    escaped = _BLOCK.sub(r"\1\\\2", _SPECIAL.sub(r"\\\g<0>", plain))
    return _LINKED.sub(lambda found: f"{found[0]}{_INVISIBLE}", escaped)


def in_html(text: str) -> str:
    """The same between tags."""
    return _LINKED.sub(lambda found: f"{found[0]}{_INVISIBLE}", html.escape(values.shortened(values.printable(text), PROSE)))


def code(text: str) -> str:
    plain = values.shortened(values.printable(text), PROSE)
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", plain)), default=0))
    space = " " if plain.startswith("`") or plain.endswith("`") else ""
    return f"{fence}{space}{plain}{space}{fence}"


def _items(review: Review) -> Iterator[_Item]:
    """The worst first: findings of all owners, then what they cost and take, then what changes in each stack."""
    findings = [(number, one) for number, owner in enumerate(review.owners) for one in owner.findings]
    for number, finding in sorted(findings, key=lambda one: -VERDICTS.index(one[1].verdict)):
        yield _Item(owner=number, kind=f"{finding.verdict} finding", text=_finding(finding))
    for number, owner in enumerate(review.owners):
        yield from (_Item(owner=number, kind="estimate", text=text) for text in _estimates(owner))
    for number, owner in enumerate(review.owners):
        for stack in owner.stacks:
            if stack.action != "none":
                yield _Item(owner=number, kind="stack", text=_stack(owner, stack))


def _laid_out(review: Review, items: Sequence[_Item], kept: int) -> str:
    parts = [MARKER, _heading(review)]
    shown, cut = items[:kept], items[kept:]
    for number, owner in enumerate(review.owners):
        own = [one for one in shown if one.owner == number]
        if own:
            parts.append(f"#### {SIGNS[owner.verdict]} {prose(owner.owner)}: {owner.verdict}")
            listed = "\n".join(one.text for one in own if one.kind != "stack")
            parts += [*([listed] if listed else ()), *(one.text for one in own if one.kind == "stack")]
    if cut:
        parts.append(_cut(review, cut))
    return "\n\n".join(parts) + "\n"


def _heading(review: Review) -> str:
    what = words.sentence(words.kind(review))
    summary = words.headline(review).partition(f"{review.verdict} - ")[2]
    lines = [
        f"### {SIGNS[review.verdict]} {what}: {review.verdict}",
        "",
        f"{words.sentence(words.MEANING[review.verdict])}.",
        "",
        f"{prose(summary)}  ",
        f"{code(review.base)} → {code(review.head)}",
    ]
    if review.plan:
        lines += ["", words.sentence(prose(words.plan_words(review)))]
    return "\n".join(lines)


def _cut(review: Review, cut: Sequence[_Item]) -> str:
    kinds = dict.fromkeys(one.kind for one in cut)
    counted = [words.many(sum(one.kind == kind for one in cut), kind) for kind in kinds]
    command = "kotei plan" if review.plan else "kotei review"
    return f"> Cut to fit into one comment; not shown: {', '.join(counted)}. The whole is in the HTML and JSON reports, and in `{command}`."


def _finding(finding: Finding) -> str:
    where = f" ({code(words.place(finding))})" if words.place(finding) else ""
    lines = [f"- {SIGNS[finding.verdict]} **{finding.verdict}** · {finding.topic} · {prose(finding.text)}{where}"]
    if finding.mend:
        lines.append(f"  - **Instead:** {prose(finding.mend)}")
    if finding.accepted:
        lines.append(f"  - *{prose(finding.accepted)}*")
    return "\n".join(lines)


def _estimates(owner: OwnerReview) -> Iterator[str]:
    if owner.timing:
        steps = "".join(f"\n  - {told}" for step in owner.timing.steps if (told := prose(step)))
        yield f"- **Takes** {words.timing(owner.timing)}: {prose(owner.timing.connections)}{steps}"
    if owner.cost:
        yield f"- **Costs** {prose(words.cost(owner.cost))}"


def _stack(owner: OwnerReview, stack: StackReview) -> str:
    """A fence of `diff` has colours, and nothing in it is markup but its end: here each line begins with a mark or four spaces."""
    changes = sorted(stack.changes, key=lambda change: (-VERDICTS.index(owner.verdict_of(change)), not words.replaces(change)))
    lines = [line for change in changes for line in _change(change)]
    if len(lines) > STACK_LINES:
        lines = [*lines[:STACK_LINES], f"# and {len(lines) - STACK_LINES} more lines, in the HTML and JSON reports"]
    lines += [f"! parameter {values.printable(name)} has a new value" for name in stack.parameters]
    summary = f"<summary><b>{in_html(owner.owner)}/{in_html(stack.stack)}</b>: {in_html(words.stack_words(stack))}</summary>"
    inside = "\n".join(("```diff", *lines, "```")) if lines else words.without_resources(stack)
    return f"<details>{summary}\n\n{inside}\n\n</details>"


def _change(change: Change) -> Iterator[str]:
    mark = {"add": "+", "modify": "!", "remove": "-"}[change.action]
    yield f"{mark} {words.resource(change)}: {words.behaviour(change)}"
    for one in words.differences(change):
        why = f"  # {words.why(one)}" if words.why(one) else ""
        if one.because:
            yield f"    {values.printable(one.path)}: {words.because(one)}{why}"
            continue
        before, after = values.pair(one.before, one.after, VALUE)
        yield f"    {values.printable(one.path)}{why}"
        if one.before is not None:
            yield f"-       {before}"
        if one.after is not None:
            yield f"+       {after}"
