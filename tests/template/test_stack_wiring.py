"""Values go from stack to stack by name, and only forwards."""

from __future__ import annotations

from collections import Counter
from typing import Any

from stacks.catalog import ENVIRONMENT_STACKS
from stacks.environment import Environment

# What Git and AWS cannot know before the pipeline runs.
GIVEN = {"ImageDigest"}


def test_every_parameter_is_an_output_of_an_earlier_stack(built: dict[str, dict[str, Any]]) -> None:
    known = set(GIVEN)
    for stack, document in built.items():
        assert set(document.get("Parameters", {})) <= known, stack
        known |= set(document.get("Outputs", {}))


def test_output_names_are_unique_in_an_environment(built: dict[str, dict[str, Any]]) -> None:
    names = Counter(name for document in built.values() for name in document.get("Outputs", {}))
    assert [name for name, count in names.items() if count > 1] == []


def test_every_parameter_is_used(built: dict[str, dict[str, Any]]) -> None:
    for stack, document in built.items():
        text = repr(document["Resources"])
        for name in document.get("Parameters", {}):
            assert f"{{'Ref': '{name}'}}" in text or f"${{{name}}}" in text, f"{stack}: {name}"


def test_templates_decide_nothing(built: dict[str, dict[str, Any]]) -> None:
    for stack, document in built.items():
        assert not {"Conditions", "Mappings", "Transform"} & document.keys(), stack
        assert "Fn::If" not in repr(document), stack
        assert "Fn::ImportValue" not in repr(document), stack
        assert all("Default" not in parameter for parameter in document.get("Parameters", {}).values()), stack


def test_nothing_is_exported(built: dict[str, dict[str, Any]]) -> None:
    """An export cannot change while it is imported."""
    for stack, document in built.items():
        assert all("Export" not in output for output in document.get("Outputs", {}).values()), stack


def test_every_template_builds_the_same_twice(env: Environment) -> None:
    for spec in ENVIRONMENT_STACKS:
        if spec.wanted(env):
            assert spec.build(env).to_yaml() == spec.build(env).to_yaml(), spec.name


def test_an_existing_network_is_named_not_built(variant: Any) -> None:
    built = variant(network={"existing": {"vpc": "vpc-0123456789abcdef0", "zones": {"a": "subnet-0000000a", "c": "subnet-0000000c"}}})
    assert "network" not in built
    assert built["security"]["Resources"]["TaskGroup"]["Properties"]["VpcId"] == "vpc-0123456789abcdef0"
    mappings = built["loadbalancer"]["Resources"]["LoadBalancer"]["Properties"]["SubnetMappings"]
    assert [mapping["SubnetId"] for mapping in mappings] == ["subnet-0000000a", "subnet-0000000c"]


def test_only_an_issued_certificate_has_a_stack(variant: Any) -> None:
    given = variant()
    assert "certificate" not in given
    assert "CertificateArn" not in given["loadbalancer"]["Parameters"]
    issued = variant(certificate={"name": "*.example.com", "hosted_zone": "Z0123456789ABCDEFGHIJ"})
    assert "CertificateArn" in issued["certificate"]["Outputs"]
    certificates = issued["loadbalancer"]["Resources"]["Listener"]["Properties"]["Certificates"]
    assert certificates == [{"CertificateArn": {"Ref": "CertificateArn"}}]
