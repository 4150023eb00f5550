"""Four environments in two accounts and two regions: every rendered file is clean, and what they say of each other agrees."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline import codepipeline, render
from pipeline.catalog import outside
from pipeline.check import check
from pipeline.checks import template_rules
from pipeline.paths import GUARD_RULES, ROOT
from stacks import artifacts, deployroles
from stacks.project import Project
from tests.support import places
from tests.support.places import FAR, HOME, NEAR, OTHER

DELIVERY = f"arn:aws:iam::{OTHER}:role/kotei-delivery"
# CodePipeline: "a JSON object, maximum size 1 kilobyte".
OVERRIDES_BYTES = 1000


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("places")
    places.write(folder)
    return folder


@pytest.fixture(scope="module")
def four(root: Path) -> Project:
    return places.load(root)


@pytest.fixture(scope="module")
def resources(root: Path) -> Any:
    """A function: logical id -> resource of a rendered template."""

    def read(path: str) -> dict[str, Any]:
        found: dict[str, Any] = yaml.safe_load((root / "stacks/rendered" / f"{path}.yaml").read_text())["Resources"]
        return found

    return read


def actions(resources: Any) -> list[dict[str, Any]]:
    stages = resources("shared/pipeline")["Pipeline"]["Properties"]["Stages"]
    return [action for stage in stages for action in stage["Actions"]]


def statements(document: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["Sid"]: one for one in document["Statement"]}


def test_every_file_is_clean(root: Path, four: Project) -> None:
    found = check(root, four, only=("render", "cfn-lint", "rules", "facts", "nginx"))
    assert [str(finding) for finding in found] == []


def test_a_stack_in_each_other_account_and_region_comes_before_the_pipeline(root: Path, four: Project) -> None:
    found = {(one.account, one.region, one.name, f"{one.folder}/{one.spec.name}.yaml") for one in outside(four)}
    assert found == {
        (OTHER, NEAR, "kotei-deployroles", f"stacks/rendered/accounts/{OTHER}/deployroles.yaml"),
        (HOME, FAR, "kotei-artifacts", f"stacks/rendered/regions/{FAR}/artifacts.yaml"),
        (HOME, FAR, "kotei-images", f"stacks/rendered/regions/{FAR}/images.yaml"),
    }
    for *_, path in found:
        # Nothing that only the stacks of the pipeline could tell.
        assert "Parameters" not in yaml.safe_load((root / path).read_text())


def test_each_region_has_the_store_that_its_stack_makes(resources: Any) -> None:
    properties = resources("shared/pipeline")["Pipeline"]["Properties"]
    assert "ArtifactStore" not in properties
    stores = {one["Region"]: one["ArtifactStore"] for one in properties["ArtifactStores"]}
    assert list(stores) == [NEAR, FAR]
    assert stores[NEAR]["Location"] == {"Ref": "ArtifactBucket"}
    made = resources(f"regions/{FAR}/artifacts")
    assert stores[FAR]["Location"] == made["ArtifactBucket"]["Properties"]["BucketName"]
    assert stores[FAR]["EncryptionKey"]["Id"] == f"arn:aws:kms:{FAR}:{HOME}:{made['ArtifactKeyAlias']['Properties']['AliasName']}"
    assert {action.get("Region", NEAR) for action in actions(resources)} == set(stores)


def test_a_store_elsewhere_is_kept_like_the_pipelines_own(resources: Any) -> None:
    own, other = resources("shared/pipeline"), resources(f"regions/{FAR}/artifacts")
    for name in ("BucketEncryption", "LifecycleConfiguration", "VersioningConfiguration", "PublicAccessBlockConfiguration"):
        assert other["ArtifactBucket"]["Properties"][name] == own["ArtifactBucket"]["Properties"][name]
    assert other["ArtifactBucket"]["DeletionPolicy"] == "RetainExceptOnCreate"


@pytest.mark.parametrize("path", ["shared/pipeline", f"regions/{FAR}/artifacts"])
def test_another_account_reads_artifacts_as_its_delivery_role_only(path: str, resources: Any) -> None:
    found = resources(path)
    for document in (
        found["ArtifactKey"]["Properties"]["KeyPolicy"],
        found["ArtifactBucketPolicy"]["Properties"]["PolicyDocument"],
    ):
        read = statements(document)["OtherAccountsRead"]
        assert read["Principal"] == {"AWS": [f"arn:aws:iam::{OTHER}:root"]}
        assert read["Condition"] == {"ArnLike": {"aws:PrincipalArn": [DELIVERY]}}


def test_nobody_else_reads_a_store_that_no_other_account_uses(four: Project) -> None:
    test, far_test, live, far_live = four.environments
    (far,) = artifacts.regions(four.model_copy(update={"environments": (test, far_test, live)}))
    assert "OtherAccountsRead" not in artifacts.build(far).to_json()
    assert "OtherAccountsRead" not in codepipeline.build(four.model_copy(update={"environments": (test, far_test, far_live)})).to_json()


def test_the_delivery_role_fetches_from_the_stores_of_its_regions(resources: Any) -> None:
    (policy,) = resources(f"accounts/{OTHER}/deployroles")["DeliveryRole"]["Properties"]["Policies"]
    found = statements(policy["PolicyDocument"])
    assert found["FetchTemplates"]["Resource"] == ["arn:aws:s3:::kotei-pipeline-*/*", f"arn:aws:s3:::kotei-artifacts-{HOME}-{FAR}/*"]
    assert found["FetchTemplates"]["Condition"] == {"StringEquals": {"s3:ResourceAccount": HOME}}
    assert found["DecryptTemplates"]["Resource"] == [f"arn:aws:kms:{region}:{HOME}:key/*" for region in (NEAR, FAR)]
    assert {arn.split(":")[3] for arn in found["DeployStacks"]["Resource"]} == {NEAR, FAR}


def test_the_pipelines_role_uses_only_the_keys_with_the_stores_alias(resources: Any) -> None:
    (policy,) = resources("shared/pipeline")["PipelineRole"]["Properties"]["Policies"]
    found = statements(policy["PolicyDocument"])
    assert found["EncryptArtifactsElsewhere"]["Resource"] == [f"arn:aws:kms:{FAR}:{HOME}:key/*"]
    assert found["EncryptArtifactsElsewhere"]["Condition"] == {"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/kotei-artifacts"}}
    assert found["DeployElsewhere"]["Resource"] == [DELIVERY]
    assert f"arn:aws:s3:::kotei-artifacts-{HOME}-{FAR}/*" in found["MoveArtifacts"]["Resource"]


def test_each_environment_is_deployed_in_its_place_as_its_own_roles(four: Project, resources: Any) -> None:
    by_stack = {action["Configuration"]["StackName"]: action for action in actions(resources) if "StackName" in action["Configuration"]}
    for env in four.environments:
        action = by_stack[env.stack_name("service")]
        assert action["Region"] == env.region
        assert action.get("RoleArn") == (None if env.account == HOME else DELIVERY)
        assert action["Configuration"]["RoleArn"] == f"arn:aws:iam::{env.account}:role/{env.stack_name('cloudformation')}"


@pytest.mark.parametrize(
    ("path", "near", "far"), [("shared/roles", "Test", "FarTest"), (f"accounts/{OTHER}/deployroles", "Live", "FarLive")]
)
def test_cloudformation_acts_in_the_environments_region_only(path: str, near: str, far: str, resources: Any) -> None:
    found = resources(path)
    for name, region in ((near, NEAR), (far, FAR)):
        role = found[f"{name}CloudFormationRole"]["Properties"]
        (common,) = role["ManagedPolicyArns"]
        documents = [found[common["Ref"]]["Properties"]["PolicyDocument"], *(one["PolicyDocument"] for one in role["Policies"])]
        assert set(re.findall(r"arn:aws:[a-z0-9]+:([a-z]+-[a-z]+-\d):", str(documents))) == {region}


def test_parameters_fit_for_the_longest_names(four: Project) -> None:
    longest = tuple(
        env.model_copy(update={"name": f"{env.name:x<14}", "project": "p" * 14, "network": env.network}) for env in four.environments
    )
    grown = four.model_copy(update={"environments": longest, "pipeline": four.pipeline.model_copy(update={"project": "p" * 14})})
    pipeline = yaml.safe_load(render.template_text(codepipeline.build(grown), source="x.py"))["Resources"]["Pipeline"]["Properties"]
    sizes = {
        action["Name"]: len(action["Configuration"]["ParameterOverrides"].encode())
        for stage in pipeline["Stages"]
        for action in stage["Actions"]
        if "ParameterOverrides" in action["Configuration"]
    }
    assert max(sizes.values()) <= OVERRIDES_BYTES, sizes


@pytest.mark.parametrize(("env", "region"), [("test", NEAR), ("far-test", NEAR), ("live", NEAR), ("far-live", FAR)])
def test_tasks_pull_across_regions_unless_they_have_a_copy(env: str, region: str, resources: Any) -> None:
    found = resources(f"{env}/service")
    images = {one["Image"]["Fn::Sub"].partition("@")[0] for one in found["TaskDefinition"]["Properties"]["ContainerDefinitions"]}
    assert images == {f"{HOME}.dkr.ecr.{region}.amazonaws.com/kotei/proxy"}
    assert f"arn:aws:ecr:{region}:{HOME}:repository/kotei/proxy" in str(found["ExecutionRole"])


@pytest.mark.parametrize(("path", "pulled_by"), [("shared/registry", "live"), (f"regions/{FAR}/images", "far-live")])
def test_tasks_of_the_other_account_pull_where_their_image_is(path: str, pulled_by: str, resources: Any) -> None:
    repository = resources(path)["Repository"]["Properties"]
    pull = statements(repository["RepositoryPolicyText"])["PullFromEnvironments"]
    execution = f"arn:aws:iam::{OTHER}:role/kotei-{pulled_by}-service-ExecutionRole-*"
    assert pull["Condition"] == {"ArnLike": {"aws:PrincipalArn": [execution]}}
    assert repository["ImageTagMutability"] == "IMMUTABLE"


def test_images_are_copied_only_where_an_environment_asks_for_it(four: Project, resources: Any) -> None:
    (rule,) = resources("shared/registry")["Replication"]["Properties"]["ReplicationConfiguration"]["Rules"]
    assert rule["Destinations"] == [{"Region": FAR, "RegistryId": HOME}]
    across = four.model_copy(update={"environments": four.environments[:3]})
    files = render.files(across)
    assert "AWS::ECR::ReplicationConfiguration" not in files["stacks/rendered/shared/registry.yaml"]
    assert "ecr:PutReplicationConfiguration" not in files["stacks/rendered/shared/roles.yaml"]
    assert f"stacks/rendered/regions/{FAR}/images.yaml" not in files


def test_an_environment_elsewhere_names_nothing_of_the_pipelines_region(root: Path) -> None:
    for path in sorted((root / "stacks/rendered/far-live").glob("*.yaml")):
        assert NEAR not in path.read_text(), path.name
    named = [line for path in (root / "stacks/rendered/far-test").glob("*.yaml") for line in path.read_text().splitlines() if NEAR in line]
    assert named
    assert all("ecr" in line for line in named)


def test_one_region_keeps_the_plain_store(project: Project) -> None:
    text = codepipeline.build(project).to_json()
    assert '"ArtifactStore"' in text
    assert "ArtifactStores" not in text
    assert [one.spec.name for one in outside(project)] == [deployroles.STACK.name]


def test_each_store_has_to_have_a_key(root: Path) -> None:
    text = (root / "stacks/rendered/shared/pipeline.yaml").read_text()
    document = yaml.safe_load(text)
    del document["Resources"]["Pipeline"]["Properties"]["ArtifactStores"][1]["ArtifactStore"]["EncryptionKey"]
    validate = template_rules.validator(ROOT / GUARD_RULES)
    assert "pipeline_artifacts_encrypted" in {finding.rule for finding in validate("pipeline.yaml", yaml.dump(document), NEAR)}


def test_the_shared_role_may_set_up_what_copies_images(four: Project) -> None:
    role = render.files(four)["stacks/rendered/shared/roles.yaml"]
    for permission in ("ecr:PutReplicationConfiguration", "ecr:DescribeRegistry", "replication.ecr.amazonaws.com"):
        assert permission in role
    build = render.files(four)["stacks/rendered/shared/pipeline.yaml"]
    assert "ecr:DescribeImageReplicationStatus" in build
