"""Two sides of an owner in, what differs out: resources added, modified and removed, and what that does to whatever refers to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from pipeline import registry_schema
from pipeline.review import symbols
from pipeline.review.differences import differences
from pipeline.review.model import REPLACING, UPDATES, Change, Comparison, Property, Side, Stack, Update
from pipeline.review.read import mapping, resources
from pipeline.review.renames import renames
from pipeline.review.symbols import World
from pipeline.review.updates import Behaviour

# What CloudFormation does with the old resource when it is deleted or replaced: these let go of it.
RETAINING = ("Retain", "RetainExceptOnCreate")


def compare(owner: str, before: Side, after: Side) -> Comparison:
    """Pure and total: any two documents that are mappings can be compared."""
    before, after = _by_name(before), _by_name(after)
    old, new = World(side=before, fresh=set(), outputs={}), World(side=after, fresh=set(), outputs={})
    order = deployment_order(before, after)
    changes: list[Change] = []
    parameters: dict[str, tuple[str, ...]] = {}
    for stack in order:
        was, becomes = before.stacks.get(stack), after.stacks.get(stack)
        if becomes is None:
            # The pipeline deletes no stack: what it holds stays as it is, and so do the values that it handed on, unless another
            # stack hands on the like from now on.
            old = _hand_on(old, old, stack, was)
            new = World(side=after, fresh=new.fresh, outputs={**old.outputs, **new.outputs})
            continue
        fresh, found = _stack_changes(stack, was, becomes, old, new)
        new = World(side=after, fresh=fresh, outputs=new.outputs)
        changes += found
        if changed := _changed_parameters(stack, was, becomes, old, new):
            parameters[stack] = changed
        old, new = _hand_on(old, old, stack, was), _hand_on(new, old, stack, becomes)
    return Comparison(owner=owner, before=before, after=after, order=order, changes=tuple(changes), parameters=parameters)


def _by_name(side: Side) -> Side:
    """Where two stacks say the same, such as an output of one name, everybody then believes the same one."""
    return replace(side, stacks=dict(sorted(side.stacks.items())))


def deployment_order(before: Side, after: Side) -> tuple[str, ...]:
    """A stack comes after those whose outputs it takes; otherwise by name."""
    stacks = {**before.stacks, **after.stacks}
    # What is there afterwards comes last, so that its outputs count.
    names = sorted(stacks, key=lambda name: (name in after.stacks, name))
    made_by = {output: name for name in names for output in _section(stacks[name], "Outputs")}
    needs = {
        name: {made_by[parameter] for parameter in _section(stack, "Parameters") if made_by.get(parameter, name) != name}
        for name, stack in stacks.items()
    }
    return tuple(_needed_first(needs))


def _needed_first(needs: Mapping[str, set[str]]) -> list[str]:
    """Each name after those that it needs; otherwise by name. A circle is AWS's to refuse; here it only must not hang."""
    order: list[str] = []
    left = sorted(needs)
    while left:
        step = next((name for name in left if needs[name].isdisjoint(left)), left[0])
        left.remove(step)
        order.append(step)
    return order


def _section(stack: Stack | None, name: str) -> Mapping[str, Any]:
    return mapping(stack.template.get(name) if stack else None)


def _stack_changes(stack: str, was: Stack | None, becomes: Stack, old: World, new: World) -> tuple[set[str], list[Change]]:
    """The symbols that are new by now, and the changes, in the order of logical ids."""
    before, after = resources(was), resources(becomes)
    renamed = renames(before, after)
    fresh = set(new.fresh)
    world = World(side=new.side, fresh=fresh, outputs=new.outputs)
    found: dict[str, Change] = {}
    needs = {name: {one for one in symbols.references(resource) if one in after and one != name} for name, resource in after.items()}
    for name in _needed_first(needs):
        source = renamed.get(name, name)
        if was is None or source not in before:
            change = Change(stack=stack, logical_id=name, type=_type(after[name]), action="add")
        else:
            change = _modified(name, source, ((was, old), (becomes, world)))
        if change.action == "add" or change.replaces:
            fresh.add(f"{stack}/{name}")
        if change.action == "add" or change.properties or change.attributes or change.renamed_from:
            found[name] = change
    for name in before.keys() - after.keys() - set(renamed.values()):
        found[name] = Change(
            stack=stack,
            logical_id=name,
            type=_type(before[name]),
            action="remove",
            # The template in force when a resource goes is the one that still had it.
            retained=before[name].get("DeletionPolicy") in RETAINING,
        )
    return fresh, [found[name] for name in sorted(found)]


def _type(resource: Mapping[str, Any]) -> str:
    found = resource.get("Type")
    return found if isinstance(found, str) else ""


def _modified(name: str, source: str, sides: tuple[tuple[Stack, World], tuple[Stack, World]]) -> Change:
    (was, old), (becomes, new) = sides
    stack = becomes.stack
    before, after = resources(was)[source], resources(becomes)[name]
    same_type = _type(before) == _type(after)
    raw = (_tagged(before, was), _tagged(after, becomes))
    resolved = (symbols.resolve(raw[0], stack, old), symbols.resolve(raw[1], stack, new))
    properties = tuple(_properties(_type(after), raw, resolved)) if same_type else ()
    attributes = tuple(
        Property(path=one.path, before=one.before, after=one.after, update="in place")
        for one in differences(_attributes(before), _attributes(after))
    )
    replaced = source != name or not same_type
    update: Update = "replacement" if replaced else max((one.update for one in properties), key=UPDATES.index, default="in place")
    # As with a resource that is removed: the template in force when it goes is the one that still had it.
    policy = before.get("DeletionPolicy") if replaced else after.get("UpdateReplacePolicy")
    return Change(
        stack=stack,
        logical_id=name,
        type=_type(after),
        action="modify",
        update=update,
        properties=properties,
        attributes=attributes if same_type else (*attributes, _type_change(before, after)),
        renamed_from=source if source != name else "",
        retained=update in REPLACING and policy in RETAINING,
    )


def _type_change(before: Mapping[str, Any], after: Mapping[str, Any]) -> Property:
    return Property(path="Type", before=_type(before), after=_type(after), update="replacement")


def _attributes(resource: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in resource.items() if key not in ("Type", "Properties")}


def _tagged(resource: Mapping[str, Any], stack: Stack) -> Mapping[str, Any]:
    """The properties with the stack's tags below the resource's own, as CloudFormation hands them on."""
    properties = mapping(resource.get("Properties"))
    schema = registry_schema.load(_type(resource)) if stack.tags else None
    if schema is None or schema.tag_property is None:
        return properties
    own = properties.get(schema.tag_property)
    if schema.tags_are_map:
        return {**properties, schema.tag_property: {**stack.tags, **(own if isinstance(own, dict) else {})}}
    items = own if isinstance(own, list) else []
    named = {str(item.get("Key")) for item in items if isinstance(item, dict)}
    rest = [{"Key": key, "Value": value} for key, value in stack.tags.items() if key not in named]
    # Tags have no order, and whose they were does not show.
    return {**properties, schema.tag_property: sorted([*items, *rest], key=_tag_key)}


def _tag_key(tag: Any) -> str:
    return str(tag.get("Key")) if isinstance(tag, dict) else ""


def _properties(type_name: str, raw: tuple[Any, ...], resolved: tuple[Any, ...]) -> Iterator[Property]:
    """What differs once references are resolved, told in the words of the template."""
    if resolved[0] == resolved[1]:
        return
    behaviour = Behaviour(type_name, *resolved)
    written = {one.path: one for one in differences(*raw)}
    for one in differences(*resolved):
        text = _written(one.path, written)
        path = one.names or (one.path,)
        yield Property(
            path=one.path,
            before=text.before if text else one.before,
            after=text.after if text else one.after,
            update=behaviour.of(path),
            because="" if text else _because(one.after),
            access=behaviour.access(path),
        )


def _written(path: str, written: Mapping[str, Any]) -> Any:
    """The difference in the text at this path, above or below it."""
    if path in written:
        return written[path]
    return next(
        (one for key, one in written.items() if path.startswith((f"{key}.", f"{key}[")) or key.startswith((f"{path}.", f"{path}["))), None
    )


def _because(value: Any) -> str:
    """The resource that a value means: a new one, where there is one."""
    found = list(symbols.symbols(value))
    return next((where for where, fresh in found if fresh), next((where for where, _ in found), ""))


def _changed_parameters(stack: str, was: Stack | None, becomes: Stack, old: World, new: World) -> tuple[str, ...]:
    if was is None:
        return ()
    both = _section(was, "Parameters").keys() & _section(becomes, "Parameters").keys()
    return tuple(name for name in sorted(both) if symbols.resolve({"Ref": name}, stack, old) != symbols.resolve({"Ref": name}, stack, new))


def _hand_on(world: World, old: World, name: str, stack: Stack | None) -> World:
    """The world with the stack's outputs: their known values where the output means what it meant before, else symbols."""
    was = old.side.stacks.get(name)
    known = was.outputs if was else {}
    means, meant = _meanings(world, name, stack), _meanings(old, name, was)
    handed = {
        output: known[output] if output in known and (world is old or meaning == meant.get(output)) else meaning
        for output, meaning in means.items()
    }
    return World(side=world.side, fresh=world.fresh, outputs={**world.outputs, **handed})


def _meanings(world: World, name: str, stack: Stack | None) -> dict[str, Any]:
    return {
        output: symbols.resolve(definition.get("Value") if isinstance(definition, dict) else definition, name, world)
        for output, definition in _section(stack, "Outputs").items()
    }
