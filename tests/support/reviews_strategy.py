"""Reviews as the engine could make them, and odder ones: hostile text in every place that a template or a person fills."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import strategies as st

from pipeline.review.model import (
    TOPICS,
    UPDATES,
    VERDICTS,
    Change,
    Cost,
    Finding,
    OwnerReview,
    PlanFacts,
    Property,
    Review,
    StackReview,
    Timing,
    worst,
)

HOSTILE = (
    "<script>alert(1)</script>",
    "</style></details><img src=x onerror=alert(1)>",
    "{{ 7 * 7 }} {% raw %}",
    "a | b || c",
    "`code` ``` ```diff ~~~",
    "@everyone @org/team #12 org/repo#3 GH-7",
    "https://evil.example/ www.evil.example",
    "[text](javascript:alert(1)) ![](https://evil.example/a.png)",
    "\n\n# heading\n- item\n</details>",
    "--> <!-- kotei review -->",
    "\x1b[31mred\x1b[0m \x07",
    "\u202egnp.exe \u200b\u2028",
    "\ud800",
    "$x^2$ **bold** _italic_ ~~gone~~ \\",
    "日本語の長い説明 " * 12,
    "x" * 3000,
    "'; rm -rf / #",
    "&lt;b&gt; &#64;",
    "",
    " ",
)
ACCOUNTS = ("111122223333", "444455556666", "012345678901")
WHERE = (
    "{}",
    "arn:aws:iam::{}:role/kotei-deploy",
    "{}.dkr.ecr.ap-northeast-1.amazonaws.com/kotei-proxy",
    "kotei-artifacts-{}-ap-northeast-1",
    "logs{}",
    "arn%3Aaws%3Aiam%3A%3A{}%3Arole",
    '{{"a": "{}"}}',
    "x" * 100 + "{}",
)

accounts = st.sampled_from([where.format(account) for where in WHERE for account in ACCOUNTS])
texts = st.one_of(st.sampled_from(HOSTILE), accounts, st.text(max_size=40))
logical_ids = st.one_of(st.from_regex(r"[A-Z][A-Za-z0-9]{0,12}", fullmatch=True), texts)
types = st.one_of(st.sampled_from(["AWS::EC2::EIP", "AWS::ECS::TaskDefinition", "AWS::IAM::Role", "AWS::S3::Bucket"]), texts)
stack_names = st.one_of(
    st.sampled_from(["network", "addresses", "security", "certificate", "loadbalancer", "service", "monitoring", "connection", "pipeline"]),
    texts,
)
owner_names = st.one_of(st.sampled_from(["production", "staging", "shared", "accounts/111122223333"]), texts)

_leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.dates(),
    texts,
    st.just(111122223333),
    st.builds(lambda name: {"Ref": name}, texts),
    st.builds(lambda name: {"Fn::GetAtt": [name, "Arn"]}, texts),
    st.builds(lambda text: {"Fn::Sub": text}, texts),
    st.builds(lambda name, fresh: {"symbol": name, "attribute": "", "fresh": fresh}, texts, st.booleans()),
    st.builds(lambda text: {"joined": [text, {"pseudo": "AWS::Region"}]}, texts),
)
values: st.SearchStrategy[Any] = st.recursive(
    _leaves,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.one_of(texts, st.integers(), st.none()), inner, max_size=3)),
    max_leaves=4,
)
properties = st.builds(
    Property,
    path=texts,
    before=values,
    after=values,
    update=st.sampled_from(UPDATES),
    because=st.one_of(st.just(""), st.just("network/SubnetA"), texts),
    access=st.sampled_from(["", "read-only", "write-only"]),
)
verdicts = st.sampled_from(VERDICTS)


@st.composite
def changes(draw: st.DrawFn, stack: str) -> Change:
    return Change(
        stack=stack,
        logical_id=draw(logical_ids),
        type=draw(types),
        action=draw(st.sampled_from(["add", "modify", "remove"])),
        update=draw(st.sampled_from(UPDATES)),
        properties=tuple(draw(st.lists(properties, max_size=2))),
        attributes=tuple(draw(st.lists(properties, max_size=1))),
        renamed_from=draw(st.one_of(st.just(""), texts)),
        retained=draw(st.booleans()),
    )


@st.composite
def stacks(draw: st.DrawFn, name: str) -> StackReview:
    action = draw(st.sampled_from(["create", "update", "remove", "none"]))
    listed = [] if action == "none" else draw(st.lists(changes(name), max_size=2))
    parameters = (
        [] if action == "none" else draw(st.lists(st.one_of(st.sampled_from(["VpcId", "SubnetA", "ImageDigest"]), texts), max_size=2))
    )
    # A circle, a stack that is not there, and a stack that feeds itself are among them.
    takes = draw(st.dictionaries(st.sampled_from(["network", "security", "service", name]), st.tuples(texts, st.just("VpcId")), max_size=2))
    return StackReview(stack=name, name=draw(texts), action=action, changes=tuple(listed), parameters=tuple(parameters), takes=takes)


@st.composite
def findings(draw: st.DrawFn, places: list[tuple[str, str]]) -> Finding:
    stack, resource = draw(st.sampled_from([("", ""), *places]))
    return Finding(
        rule=draw(texts),
        topic=draw(st.sampled_from(TOPICS)),
        verdict=draw(verdicts),
        text=draw(texts),
        stack=stack,
        resource=resource,
        mend=draw(st.one_of(st.just(""), texts)),
        accepted=draw(st.one_of(st.just(""), texts)),
    )


amounts = st.one_of(st.none(), st.floats(min_value=0, max_value=1e6))
costs = st.builds(Cost, before=amounts, after=amounts, region=texts, prices_of=st.dates(date(2025, 1, 1), date(2030, 1, 1)).map(str))


@st.composite
def timings(draw: st.DrawFn) -> Timing:
    shortest, longest = sorted(draw(st.lists(st.integers(0, 100_000), min_size=2, max_size=2)))
    return Timing(shortest=shortest, longest=longest, connections=draw(texts), steps=tuple(draw(st.lists(texts, max_size=2))))


@st.composite
def owners(draw: st.DrawFn, name: str) -> OwnerReview:
    named = draw(st.lists(stack_names, max_size=4, unique=True))
    reviewed = tuple(draw(stacks(one)) for one in named)
    places = [(stack.stack, change.logical_id) for stack in reviewed for change in stack.changes]
    found = sorted(draw(st.lists(findings(places), max_size=3)), key=lambda one: -VERDICTS.index(one.verdict))
    return OwnerReview(
        owner=name,
        verdict=worst(*(one.verdict for one in found)),
        stacks=reviewed,
        findings=tuple(found),
        cost=draw(st.one_of(st.none(), costs)),
        timing=draw(st.one_of(st.none(), timings())),
    )


@st.composite
def reviews(draw: st.DrawFn) -> Review:
    named = draw(st.lists(owner_names, max_size=2, unique=True))
    found = sorted((draw(owners(name)) for name in named), key=lambda one: (-VERDICTS.index(one.verdict), one.empty, one.owner))
    facts = st.builds(PlanFacts, fingerprint=st.from_regex(r"[0-9a-f]{64}", fullmatch=True), needs_approval=st.booleans())
    plan = draw(st.one_of(st.none(), facts)) if len(found) == 1 else None
    return Review(base=draw(texts), head=draw(texts), owners=tuple(found), plan=plan)


@st.composite
def plans(draw: st.DrawFn) -> Review:
    facts = PlanFacts(fingerprint=draw(st.from_regex(r"[0-9a-f]{64}", fullmatch=True)), needs_approval=draw(st.booleans()))
    return Review(base=draw(texts), head=draw(texts), owners=(draw(owners(draw(owner_names))),), plan=facts)
