"""The handlers against the registry's schemas and against the templates that are committed."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import paths
from pipeline import registry_schema as schema
from pipeline.local import coverage
from pipeline.local.cloudformation import template
from pipeline.local.cloudformation.resources import HANDLERS

RENDERED = sorted((paths.ROOT / paths.RENDERED).glob("*/*.yaml"))


@pytest.mark.parametrize("type_name", sorted(HANDLERS))
def test_a_handler_fits_the_registry(type_name: str) -> None:
    handler, found = HANDLERS[type_name], schema.load(type_name)
    assert found is not None
    assert handler.enforced | handler.recorded <= found.properties
    assert not handler.enforced & handler.recorded
    assert handler.mutable <= handler.enforced
    assert found.required <= handler.enforced | handler.recorded
    assert not handler.mutable & {path[0] for path in found.create_only if len(path) == 1}


@pytest.mark.parametrize("type_name", sorted(HANDLERS))
def test_every_enforced_property_is_replaced_or_changed(type_name: str) -> None:
    """A property that is neither would fail an update; each such one is named here with its reason."""
    handler, found = HANDLERS[type_name], schema.load(type_name)
    assert found is not None
    known = {
        # AWS changes these in place, too; nothing here needs it.
        "AWS::EC2::EIP": {"Domain"},
        "AWS::EC2::VPCEndpoint": {"PrivateDnsEnabled"},
        "AWS::ElasticLoadBalancingV2::LoadBalancer": {"IpAddressType"},
        "AWS::KMS::Key": {"KeySpec", "KeyUsage", "MultiRegion"},
        "AWS::CertificateManager::Certificate": {"ValidationMethod"},
    }
    replaced = {path[0] for path in (*found.create_only, *found.conditional)}
    assert handler.enforced - handler.mutable - replaced == known.get(type_name, set())


@pytest.mark.parametrize("path", RENDERED, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_committed_templates_are_understood(path: Path) -> None:
    assert coverage.gaps([template.parse(path.read_text())]) == ()


def test_coverage_names_what_is_only_recorded() -> None:
    shown = {one.type: one for one in coverage.every()}
    assert shown["AWS::CertificateManager::Certificate"].recorded == ("DomainValidationOptions",)
    assert "InstanceId" in shown["AWS::EC2::EIP"].refused
    assert "Arn" not in shown["AWS::SNS::Topic"].refused
