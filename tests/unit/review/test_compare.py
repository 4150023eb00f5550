"""What differs between two sides, and how far a difference reaches: through references, outputs, parameters, tags, new logical ids."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from pipeline.review.compare import compare
from pipeline.review.differences import differences
from pipeline.review.model import Change, Side, Stack
from pipeline.review.renames import renames

VPC: dict[str, Any] = {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}}
OTHER_VPC: dict[str, Any] = {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.9.0.0/16"}}
# Each way to write the same reference, of which the id is the first.
TO_VPC: dict[str, Any] = {
    "Ref": {"Ref": "Vpc"},
    "GetAtt-list": {"Fn::GetAtt": ["Vpc", "VpcId"]},
    "GetAtt-text": {"Fn::GetAtt": "Vpc.VpcId"},
    "Sub": {"Fn::Sub": "${Vpc}"},
    "Sub-attribute": {"Fn::Sub": "x${Vpc.VpcId}y"},
    "Sub-variable": {"Fn::Sub": ["${Id}", {"Id": {"Ref": "Vpc"}}]},
    "inside": {"Fn::Join": ["-", ["a", {"Ref": "Vpc"}]]},
}


def group(vpc: Any, **more: Any) -> dict[str, Any]:
    return {"Type": "AWS::EC2::SecurityGroup", "Properties": {"GroupDescription": "group", "VpcId": vpc, **more}}


def alarm(**properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::CloudWatch::Alarm", "Properties": properties}


def template(resources: Mapping[str, Any], outputs: Mapping[str, Any] = {}, parameters: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "Parameters": {name: {"Type": "String"} for name in parameters},
        "Resources": dict(resources),
        "Outputs": {name: {"Value": value} for name, value in outputs.items()},
    }


def stack(name: str, document: Mapping[str, Any], **more: Any) -> Stack:
    return Stack(stack=name, path=f"{name}.yaml", template=document, **more)


def side(*stacks: Stack) -> Side:
    return Side(stacks={one.stack: one for one in stacks})


def one(**documents: Mapping[str, Any]) -> Side:
    return side(*(stack(name, document) for name, document in documents.items()))


def changes(before: Side, after: Side) -> dict[str, Change]:
    return {f"{change.stack}/{change.logical_id}": change for change in compare("test", before, after).changes}


def behaviour(before: Side, after: Side) -> dict[str, str]:
    return {name: change.update if change.action == "modify" else change.action for name, change in changes(before, after).items()}


@pytest.mark.parametrize("reference", TO_VPC.values(), ids=TO_VPC.keys())
def test_what_refers_to_a_replaced_resource_changes_however_the_reference_is_written(reference: Any) -> None:
    before, after = one(a=template({"Vpc": VPC, "Group": group(reference)})), one(a=template({"Vpc": OTHER_VPC, "Group": group(reference)}))
    found = changes(before, after)
    assert found["a/Group"].update == "replacement"
    assert [(one.path, one.because) for one in found["a/Group"].properties] == [("VpcId", "a/Vpc")]


@pytest.mark.parametrize("reference", TO_VPC.values(), ids=TO_VPC.keys())
def test_a_change_in_place_stays_where_it_is(reference: Any) -> None:
    named = {**VPC, "Properties": {**VPC["Properties"], "EnableDnsSupport": True}}
    before, after = one(a=template({"Vpc": VPC, "Group": group(reference)})), one(a=template({"Vpc": named, "Group": group(reference)}))
    assert behaviour(before, after) == {"a/Vpc": "in place"}


def test_the_same_reference_in_another_spelling_is_no_change() -> None:
    before = one(a=template({"Vpc": VPC, "Group": group({"Fn::GetAtt": ["Vpc", "VpcId"]})}))
    assert behaviour(before, one(a=template({"Vpc": VPC, "Group": group({"Fn::GetAtt": "Vpc.VpcId"})}))) == {}
    assert behaviour(before, one(a=template({"Vpc": VPC, "Group": group({"Fn::Sub": "${Vpc.VpcId}"})}))) == {}


def test_a_reference_to_another_resource_is_a_change() -> None:
    both = {"Vpc": VPC, "Other": OTHER_VPC}
    before, after = one(a=template({**both, "Group": group({"Ref": "Vpc"})})), one(a=template({**both, "Group": group({"Ref": "Other"})}))
    assert behaviour(before, after) == {"a/Group": "replacement"}


def test_text_that_only_looks_like_a_reference_is_text() -> None:
    literal = alarm(AlarmDescription={"Fn::Sub": "${!Vpc}"})
    assert behaviour(one(a=template({"Vpc": VPC, "Alarm": literal})), one(a=template({"Vpc": OTHER_VPC, "Alarm": literal}))) == {
        "a/Vpc": "replacement"
    }


@pytest.mark.parametrize("argument", [7, ["only text"], [1, 2], None, {}])
@pytest.mark.parametrize("function", ["Fn::Sub", "Fn::GetAtt", "Ref"])
def test_a_function_that_is_written_wrongly_is_a_value(function: str, argument: Any) -> None:
    before, after = one(a=template({"A": alarm(Threshold={function: argument})})), one(a=template({"A": alarm(Threshold={function: [3]})}))
    assert behaviour(before, before) == {}
    assert behaviour(before, after) == {"a/A": "in place"}


def test_an_attribute_whose_name_is_a_reference_is_followed_in_whatever_order_it_is_written() -> None:
    def written(attribute: Any) -> Side:
        return one(a=template({"Vpc": VPC, "Alarm": alarm(AlarmDescription={"Fn::GetAtt": ["Vpc", attribute]})}))

    assert behaviour(written({"Ref": "A", "x": 1}), written({"x": 1, "Ref": "A"})) == {}
    assert behaviour(written({"Ref": "A"}), written({"Ref": "B"})) == {"a/Alarm": "in place"}


def test_resources_that_refer_to_each_other_in_a_circle_do_not_hang() -> None:
    circle = {"A": group({"Ref": "B"}), "B": group({"Ref": "A"})}
    changed = {**circle, "A": group({"Ref": "B"}, GroupDescription="other")}
    assert behaviour(one(a=template(circle)), one(a=template(changed)))["a/A"] == "replacement"


NETWORK = template({"Vpc": VPC}, {"VpcId": {"Ref": "Vpc"}})
SECURITY = template({"Group": group({"Ref": "VpcId"})}, {"GroupId": {"Ref": "Group"}}, ("VpcId",))
SERVICE = template({"Alarm": alarm(AlarmDescription={"Ref": "GroupId"})}, parameters=("GroupId",))


def test_a_replaced_resource_reaches_through_outputs_and_parameters_of_the_same_name() -> None:
    after = one(network=template({"Vpc": OTHER_VPC}, {"VpcId": {"Ref": "Vpc"}}), security=SECURITY, service=SERVICE)
    found = compare("test", one(network=NETWORK, security=SECURITY, service=SERVICE), after)
    assert {f"{change.stack}/{change.logical_id}": change.update for change in found.changes} == {
        "network/Vpc": "replacement",
        "security/Group": "replacement",
        "service/Alarm": "in place",
    }
    assert found.parameters == {"security": ("VpcId",), "service": ("GroupId",)}
    assert [change.properties[0].because for change in found.changes[1:]] == ["network/Vpc", "security/Group"]


def test_stacks_come_after_those_whose_outputs_they_take_whatever_their_names() -> None:
    stacks = {"a": SERVICE, "b": SECURITY, "z": NETWORK}
    assert compare("test", Side(), one(**stacks)).order == ("z", "b", "a")
    assert compare("test", one(**stacks), Side()).order == ("z", "b", "a")


def test_stacks_that_need_each_other_are_told_by_name() -> None:
    first = template({"A": group({"Ref": "Second"})}, {"First": {"Ref": "A"}}, ("Second",))
    second = template({"B": group({"Ref": "First"})}, {"Second": {"Ref": "B"}}, ("First",))
    assert compare("test", one(first=first, second=second), one(first=first, second=second)).order == ("first", "second")
    assert behaviour(one(first=first, second=second), one(first=first, second=second)) == {}


def test_an_output_that_now_means_another_resource_changes_who_takes_it() -> None:
    both = {"Vpc": VPC, "Other": OTHER_VPC}
    before = one(network=template(both, {"VpcId": {"Ref": "Vpc"}}), security=SECURITY)
    found = changes(before, one(network=template(both, {"VpcId": {"Ref": "Other"}}), security=SECURITY))
    assert found.keys() == {"security/Group"}
    assert found["security/Group"].properties[0].because == "network/Other"


def test_an_output_that_goes_changes_who_takes_it() -> None:
    assert behaviour(one(network=NETWORK, security=SECURITY), one(network=template({"Vpc": VPC}), security=SECURITY)) == {
        "security/Group": "replacement"
    }


def test_an_output_that_another_stack_hands_on_from_now_on() -> None:
    moved = one(network=template({"Vpc": VPC}), other=template({"Own": VPC}, {"VpcId": {"Ref": "Own"}}), security=SECURITY)
    assert behaviour(one(network=NETWORK, security=SECURITY), moved) == {"other/Own": "add", "security/Group": "replacement"}


def test_a_stack_that_is_deployed_no_more_keeps_what_it_has_and_what_it_handed_on() -> None:
    assert behaviour(one(network=NETWORK, security=SECURITY), one(security=SECURITY)) == {}


@pytest.mark.parametrize("name", ["a", "z"])
def test_a_stack_that_takes_over_an_output_counts_more_than_the_one_that_is_left(name: str) -> None:
    after = one(**{name: template({"Own": VPC}, {"VpcId": {"Ref": "Own"}}), "security": SECURITY})
    assert behaviour(one(network=NETWORK, security=SECURITY), after) == {f"{name}/Own": "add", "security/Group": "replacement"}


def live(*, vpc: str = "vpc-1", network: Mapping[str, Any] = NETWORK) -> Side:
    return side(stack("network", network, outputs={"VpcId": vpc}), stack("security", SECURITY, parameters={"VpcId": "vpc-1"}))


def test_a_parameter_with_the_value_that_the_output_has_is_no_change() -> None:
    found = compare("test", live(), one(network=NETWORK, security=SECURITY))
    assert (found.changes, found.parameters) == ((), {})


def test_a_parameter_that_fell_behind_the_output_is_a_change() -> None:
    found = compare("test", live(vpc="vpc-2"), one(network=NETWORK, security=SECURITY))
    assert found.parameters == {"security": ("VpcId",)}
    [value] = found.changes[0].properties
    assert (value.path, value.before, value.after) == ("VpcId", "vpc-1", "vpc-2")


def test_the_known_value_of_what_is_replaced_counts_no_more() -> None:
    replaced = one(network=template({"Vpc": OTHER_VPC}, {"VpcId": {"Ref": "Vpc"}}), security=SECURITY)
    assert behaviour(live(), replaced) == {"network/Vpc": "replacement", "security/Group": "replacement"}


def test_a_value_that_nobody_hands_on_is_compared_with_what_is_given() -> None:
    document = template({"Alarm": alarm(AlarmDescription={"Fn::Sub": "image ${Digest}"})}, parameters=("Digest",))
    before = side(stack("service", document, parameters={"Digest": "1"}))
    assert behaviour(before, side(stack("service", document, parameters={"Digest": "1"}))) == {}
    [value] = changes(before, side(stack("service", document, parameters={"Digest": "2"})))["service/Alarm"].properties
    assert (value.before, value.after) == ("image 1", "image 2")
    # What nobody knows is another value than the one that is there.
    assert behaviour(before, side(stack("service", document))) == {"service/Alarm": "in place"}


def test_a_default_is_the_value_where_nothing_else_is_given() -> None:
    written = {
        "Parameters": {"Digest": {"Type": "String", "Default": "1"}},
        "Resources": {"Alarm": alarm(AlarmDescription={"Ref": "Digest"})},
    }
    changed = {**written, "Parameters": {"Digest": {"Type": "String", "Default": "2"}}}
    assert behaviour(one(service=written), one(service=changed)) == {"service/Alarm": "in place"}
    assert behaviour(side(stack("service", written, parameters={"Digest": "2"})), one(service=changed)) == {}


TAGGED = template({"Group": group("vpc-1", Tags=[{"Key": "Name", "Value": "group"}]), "Policy": {"Type": "AWS::SNS::TopicPolicy"}})


def test_tags_of_a_stack_reach_the_resources_that_take_tags() -> None:
    before, after = side(stack("a", TAGGED, tags={"Team": "one"})), side(stack("a", TAGGED, tags={"Team": "two"}))
    assert [one.path for one in changes(before, after)["a/Group"].properties] == ["Tags[Team].Value"]
    assert behaviour(before, after) == {"a/Group": "in place"}


def test_a_tag_of_the_resource_counts_more_than_one_of_its_stack() -> None:
    assert behaviour(side(stack("a", TAGGED, tags={"Name": "one"})), side(stack("a", TAGGED, tags={"Name": "two"}))) == {}


def test_whose_a_tag_is_does_not_matter() -> None:
    own = template(
        {**TAGGED["Resources"], "Group": group("vpc-1", Tags=[{"Key": "Name", "Value": "group"}, {"Key": "Team", "Value": "one"}])}
    )
    tags = {"Environment": "test", "Team": "one"}
    assert behaviour(side(stack("a", TAGGED, tags=tags)), side(stack("a", own, tags=tags))) == {}
    assert behaviour(side(stack("a", TAGGED, tags=tags)), side(stack("a", own, tags={"Environment": "test"}))) == {}


def test_tags_that_are_a_map_are_merged_as_one() -> None:
    document = template({"Endpoint": {"Type": "AWS::SSM::Parameter", "Properties": {"Tags": {"Name": "x"}}}})
    found = changes(side(stack("a", document, tags={"Team": "one"})), side(stack("a", document, tags={"Team": "two", "Name": "y"})))
    assert [one.path for one in found["a/Endpoint"].properties] == ["Tags.Team"]


def test_a_chain_of_renamed_resources_is_followed_however_they_refer() -> None:
    for reference in TO_VPC.values():
        renamed = json.loads(json.dumps(reference).replace("Vpc", "Net").replace("NetId", "VpcId"))
        before = {"Vpc": VPC, "Group": group(reference), "Alarm": alarm(AlarmDescription={"Fn::Sub": "${Group} ${!Group}"})}
        after = {"Net": VPC, "Team": group(renamed), "Bell": alarm(AlarmDescription={"Fn::Sub": "${Team} ${!Group}"})}
        assert renames(before, after) == {"Net": "Vpc", "Team": "Group", "Bell": "Alarm"}, reference


def test_a_renamed_resource_is_replaced_and_reaches_who_refers_to_it() -> None:
    after = one(network=template({"Net": VPC}, {"VpcId": {"Ref": "Net"}}), security=SECURITY)
    found = changes(one(network=NETWORK, security=SECURITY), after)
    assert (found["network/Net"].renamed_from, found["network/Net"].update) == ("Vpc", "replacement")
    assert found["security/Group"].update == "replacement"
    assert "network/Vpc" not in found


def test_of_two_alike_none_is_taken_for_the_renamed_one() -> None:
    assert renames({"A": VPC, "B": VPC}, {"C": VPC}) == {}
    assert renames({"A": VPC}, {"B": VPC, "C": VPC}) == {}


def test_tags_tell_those_apart_that_are_otherwise_alike() -> None:
    def tagged(name: str) -> dict[str, Any]:
        return {**VPC, "Properties": {**VPC["Properties"], "Tags": [{"Key": "Name", "Value": name}]}}

    assert renames({"A": tagged("a"), "B": tagged("b")}, {"C": tagged("b"), "D": tagged("a")}) == {"C": "B", "D": "A"}
    assert renames({"A": tagged("a")}, {"C": tagged("c")}) == {"C": "A"}


@pytest.mark.parametrize(("policy", "retained"), [("Retain", True), ("Delete", False)])
def test_what_becomes_of_a_renamed_resource_the_template_said_that_had_it(policy: str, retained: bool) -> None:  # noqa: FBT001 - a row of the table
    before, after = (
        one(a=template({"Old": {**VPC, "DeletionPolicy": policy}})),
        one(a=template({"New": {**VPC, "DeletionPolicy": "Retain"}})),
    )
    assert changes(before, after)["a/New"].retained is retained


@pytest.mark.parametrize(("policies", "retained"), [({"UpdateReplacePolicy": "Retain"}, True), ({"DeletionPolicy": "Retain"}, False)])
def test_what_becomes_of_a_replaced_resource_the_new_template_says(policies: dict[str, str], retained: bool) -> None:  # noqa: FBT001 - as above
    assert changes(one(a=template({"Vpc": VPC})), one(a=template({"Vpc": {**OTHER_VPC, **policies}})))["a/Vpc"].retained is retained


@pytest.mark.parametrize(
    ("before", "after", "paths"),
    [
        pytest.param([{"Key": "a", "Value": 1}], [{"Key": "b", "Value": 2}, {"Key": "a", "Value": 1}], ["X[b]"], id="one comes first"),
        pytest.param([{"Key": "a", "Value": 1}, {"Key": "b"}], [{"Key": "b"}], ["X[a]"], id="one goes"),
        pytest.param([{"Key": "a", "Value": 1}], [{"Key": "a", "Value": 2}], ["X[a].Value"], id="one changes"),
        pytest.param([{"Key": "a"}, {"Key": "b"}], [{"Key": "b"}, {"Key": "a"}], ["X"], id="another order"),
        pytest.param([{"Key": "a"}, {"Key": "a"}], [{"Key": "a"}], ["X"], id="a name twice"),
        pytest.param([1, 2], [1, 3], ["X[1]"], id="without names, as long"),
        pytest.param([1, 2], [2], ["X"], id="without names, shorter"),
        pytest.param([{"Name": {"Ref": "A"}, "Y": 1}], [{"Name": {"Ref": "A"}, "Y": 2}], ["X[0].Y"], id="a name that is a reference"),
        pytest.param([], [{"Key": "a"}], ["X[a]"], id="the first one"),
    ],
)
def test_lists_are_aligned_by_what_names_their_items(before: Any, after: Any, paths: list[str]) -> None:
    assert [one.path for one in differences({"X": before}, {"X": after})] == paths


def test_the_names_on_the_way_to_a_difference_are_those_of_properties_only() -> None:
    [found] = differences({"X": [{"Key": "a", "Value": [1]}]}, {"X": [{"Key": "a", "Value": [2]}]})
    assert (found.path, found.names) == ("X[a].Value[0]", ("X", "Value"))


def test_a_reference_differs_as_a_whole() -> None:
    assert [one.path for one in differences({"X": {"Ref": "A"}}, {"X": {"Ref": "B"}})] == ["X"]
    assert [one.path for one in differences({"X": {"Ref": "A"}}, {"X": {"Y": 1}})] == ["X"]
    assert [one.path for one in differences({"X": {"Fn::GetAtt": ["A", "B"]}}, {"X": {"Fn::GetAtt": ["A", "C"]}})] == ["X"]


def test_a_statement_with_a_condition_is_not_taken_for_a_reference() -> None:
    statement = {"Action": "s3:*", "Condition": {"Bool": {"x": True}}}
    assert [one.path for one in differences(statement, {**statement, "Action": "s3:Get*"})] == ["Action"]
    assert [one.path for one in differences(statement, {**statement, "Condition": {"Bool": {"x": False}}})] == ["Condition.Bool.x"]


def test_a_number_and_the_same_as_text_differ_but_nothing_and_null_do_not() -> None:
    assert [one.path for one in differences({"X": 1}, {"X": "1"})] == ["X"]
    assert list(differences({"X": None}, {})) == []


def test_two_stacks_that_hand_on_the_same_are_taken_in_the_same_order_whatever_comes_first() -> None:
    twice = {"network": NETWORK, "other": template({"Own": VPC}, {"VpcId": {"Ref": "Own"}}), "security": SECURITY}
    found = compare("test", Side(), one(**dict(reversed(twice.items()))))
    assert list(found.after.stacks) == sorted(twice)
    assert behaviour(one(**twice), one(**dict(reversed(twice.items())))) == {}
