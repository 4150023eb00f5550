"""Where values come from: through parameters and outputs of the same name, and as far as that is known."""

from __future__ import annotations

from typing import Any

from pipeline.review.model import Side, Stack
from pipeline.review.read import keyed, origin, users


def _side(**templates: dict[str, Any]) -> Side:
    return Side(stacks={name: Stack(stack=name, path=name, template=template) for name, template in templates.items()})


ADDRESSES = {
    "Resources": {"EipA": {"Type": "AWS::EC2::EIP"}},
    "Outputs": {"AddressA": {"Value": {"Fn::GetAtt": ["EipA", "AllocationId"]}}},
}
BALANCER = {
    "Parameters": {"AddressA": {"Type": "String"}, "Other": {"Type": "String"}},
    "Resources": {"Front": {"Properties": {"Mapping": [{"AllocationId": {"Fn::Sub": "${AddressA}"}}]}}},
    # Passed on under its own name.
    "Outputs": {"AddressA": {"Value": {"Ref": "AddressA"}}},
}


def test_a_value_comes_from_a_resource_of_an_earlier_stack() -> None:
    side = _side(loadbalancer=BALANCER, addresses=ADDRESSES)
    assert origin(side, "loadbalancer", {"Ref": "AddressA"}) == "addresses/EipA"
    assert origin(side, "addresses", {"Fn::GetAtt": "EipA.AllocationId"}) == "addresses/EipA"
    assert list(users(side, "addresses/EipA")) == [("loadbalancer", "Front", "none")]


def test_what_nothing_hands_on_is_its_own_text() -> None:
    side = _side(loadbalancer=BALANCER, addresses=ADDRESSES)
    assert origin(side, "loadbalancer", {"Ref": "Other"}) == "${Other}"
    assert origin(side, "loadbalancer", "eipalloc-1") == "eipalloc-1"
    assert origin(side, "nowhere", {"Ref": "AddressA"}) == "${AddressA}"
    assert origin(side, "loadbalancer", {"Fn::Sub": "${AddressA}-${Other}"}) == "${AddressA}-${Other}"


def test_outputs_in_a_circle_end() -> None:
    circle = {"Outputs": {"Way": {"Value": {"Ref": "Way"}}}}
    assert origin(_side(one=circle, two=circle), "one", {"Ref": "Way"}) == "${Way}"


def test_keys_and_values_are_texts_whatever_they_are() -> None:
    assert keyed([{"Key": "a", "Value": True}, {"Key": 1}, "odd"]) == {"a": "true", "1": "none"}
    assert keyed({"Ref": "Attributes"}) == {"none": "none"}
