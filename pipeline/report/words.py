"""The words that every format uses, so that all of them say the same. Plain text, one line each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from pipeline.report.values import printable
from pipeline.review.model import Change, Cost, Finding, OwnerReview, Property, Review, StackReview, Timing, Verdict
from pipeline.review.rules.resources import ORDINARY

MEANING: dict[Verdict, str] = {
    "blocked": "an address would be lost or swapped, or AWS would refuse",
    "risky": "something is interrupted, replaced, removed or widened",
    "safe": "no risk was found, or somebody accepted each",
}
STACK_ACTION = {"create": "new stack", "update": "update", "remove": "deployed no more, stays in AWS", "none": "no change"}
MARKS = {"add": "+", "modify": "~", "remove": "-"}
NO_CHANGE = "no change"
# The order in which a line counts.
_COUNTED = ("replaced", "changed", "added", "removed", "only in the template")


def sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def kind(review: Review) -> str:
    return "plan" if review.plan else "review"


def headline(review: Review) -> str:
    """The verdict, and each owner in a few words."""
    changed = [f"{printable(owner.owner)}: {owner_words(owner)}" for owner in review.owners if not owner.empty]
    same = unchanged(review)
    words = "; ".join((*changed, *([same] if same else ()))) if changed else NO_CHANGE
    return f"{kind(review)}: {review.verdict} - {words}"


def unchanged(review: Review) -> str:
    names = [printable(owner.owner) for owner in review.owners if owner.empty]
    return f"{', '.join(names)}: {NO_CHANGE}" if names else ""


def owner_words(owner: OwnerReview) -> str:
    counted = count(change for stack in owner.stacks for change in stack.changes)
    silent = sum(stack.action == "update" and not stack.changes for stack in owner.stacks)
    left = sum(stack.action == "remove" for stack in owner.stacks)
    parts = [
        *([counted] if counted else ()),
        *([f"{many(silent, 'stack')} with new parameters, outputs or tags"] if silent else ()),
        *([f"{many(left, 'stack')} deployed no more"] if left else ()),
    ]
    if not parts and owner.findings:
        parts = [many(len(owner.findings), "finding")]
    return ", ".join(parts) or next((STACK_ACTION[one.action] for one in owner.stacks if one.action != "none"), NO_CHANGE)


def count(changes: Iterable[Change]) -> str:
    """As in "2 replaced, 5 changed, 1 removed"; empty where there is nothing."""
    counted = Counter(_counted_as(change) for change in changes)
    return ", ".join(f"{counted[word]} {word}" for word in _COUNTED if counted[word])


def _counted_as(change: Change) -> str:
    if change.action != "modify":
        return "added" if change.action == "add" else "removed"
    if _silent(change):
        return "only in the template"
    return "replaced" if replaces(change) else "changed"


def replaces(change: Change) -> bool:
    """Whether a reader would call it replaced: not what gets a new revision at every deployment, which is how it is meant."""
    return change.replaces and (change.type not in ORDINARY or bool(change.renamed_from))


def _silent(change: Change) -> bool:
    return not change.touches and not change.replaces


def many(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def behaviour(change: Change) -> str:
    """What happens to the resource in AWS."""
    if change.action == "add":
        return "created"
    if change.action == "remove":
        return "no longer managed, stays in AWS" if change.retained else "deleted"
    if change.renamed_from:
        return f"replaced, was {printable(change.renamed_from)}"
    if _silent(change):
        return "only in the template, nothing happens in AWS"
    if change.replaces and not replaces(change):
        return "new revision"
    words = {
        "in place": "in place",
        "some interruption": "in place, with some interruption",
        "unknown": "whether it is replaced is not known here",
        "conditional replacement": "may be replaced",
        "replacement": "replaced",
    }[change.update]
    return f"{words}, the old one stays in AWS" if change.retained else words


def resource(change: Change) -> str:
    return f"{printable(change.logical_id)} ({printable(change.type)})"


def differences(change: Change) -> Iterator[Property]:
    yield from change.properties
    yield from change.attributes


def why(one: Property) -> str:
    """What a reader must know of this property beside its values; empty where it is changed in place by its own text."""
    update = (
        ""
        if one.update == "in place"
        else {"replacement": "replaces", "conditional replacement": "may replace"}.get(one.update, one.update)
    )
    return ", ".join(part for part in (update, one.access) if part)


def because(one: Property) -> str:
    """Instead of two values, where the text is the same and means another resource."""
    return f"{printable(one.because)}, which is new" if one.because else ""


def place(finding: Finding) -> str:
    return printable("/".join(part for part in (finding.stack, finding.resource) if part))


def parameters(stack: StackReview) -> str:
    return f"new value of {', '.join(printable(name) for name in stack.parameters)}" if stack.parameters else ""


def stack_words(stack: StackReview) -> str:
    """What happens to the stack, or how many of its resources change."""
    counted = count(stack.changes)
    if stack.action == "update":
        return counted or "new parameters, outputs or tags"
    return STACK_ACTION[stack.action] + (f": {counted}" if counted else "")


def without_resources(stack: StackReview) -> str:
    """A sentence for a stack of whose resources none changes; empty for others."""
    if stack.changes or stack.parameters:
        return ""
    sentences = {"create": "It holds no resources.", "remove": "It stays in AWS as it is.", "none": ""}
    return sentences.get(stack.action, "Only parameters, outputs or tags of the stack itself.")


def cost(cost: Cost) -> str:
    known = f"an estimate without traffic, {printable(cost.region)}, prices of {printable(cost.prices_of)}"
    if cost.before is None and cost.after is None:
        return "nothing is known of the cost"
    if cost.before is None or cost.after is None:
        word, amount = ("", cost.after) if cost.before is None else ("no more ", cost.before)
        return f"{word}{amount:.2f} US dollars a month ({known})"
    difference = cost.after - cost.before
    if abs(difference) < 0.005:  # noqa: PLR2004 - half a cent
        return f"{cost.after:.2f} US dollars a month as before ({known})"
    return f"{cost.before:.2f} -> {cost.after:.2f} US dollars a month, {difference:+.2f} ({known})"


def timing(timing: Timing) -> str:
    shortest, longest = _duration(timing.shortest), _duration(timing.longest)
    if shortest == longest:
        return shortest
    # "4 to 25 minutes", not "4 minutes to 25 minutes".
    number, _, unit = shortest.partition(" ")
    return f"{number if longest.endswith(f' {unit}') else shortest} to {longest}"


def _duration(seconds: int) -> str:
    if seconds < 120:  # noqa: PLR2004 - below two minutes seconds say more
        return many(seconds, "second")
    minutes = round(seconds / 60)
    return f"{minutes} minutes" if minutes < 120 else f"{seconds / 3600:.1f} hours"  # noqa: PLR2004 - two hours, as above


def plan_words(review: Review) -> str:
    """Empty where this is no plan."""
    if review.plan is None:
        return ""
    asks = "a person must approve it" if review.plan.needs_approval else "nobody has to approve it"
    return f"{asks}; fingerprint {printable(review.plan.fingerprint)}"
