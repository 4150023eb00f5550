"""A plan from what is live: what counts as known, what a known value changes, and what the plan says where something is not known."""

from __future__ import annotations

import io
import json
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.aws import Aws, RefusedError, Target
from pipeline.errors import PipelineError
from pipeline.paths import NGINX_RENDERED, RENDERED
from pipeline.plan_effects import uncovered
from pipeline.prepare import Prepared, prepare
from stacks.config_freeze import Freeze
from stacks.project import Project, load

BASE = Path(__file__).parent / "review" / "base"
DIGEST = "sha256:" + "1" * 64
OTHER = "sha256:" + "2" * 64
NGINX = f"{NGINX_RENDERED}/test/nginx.conf"
EXECUTION = "01234567-89ab-cdef-0123-456789abcdef"
GONE = f"ROLLBACK-{EXECUTION}"


@dataclass
class Cloud:
    """AWS as a plan asks it. `denied` are operations that the role may not call, `run` the commit that was deployed last.

    `kept` are addresses that were left when their stack was deleted.
    """

    stacks: dict[str, dict[str, Any]] = field(default_factory=dict)
    denied: tuple[str, ...] = ()
    run: str = ""
    rolled_back: bool = False
    objects: dict[str, bytes] = field(default_factory=dict)
    kept: tuple[str, ...] = ()
    untagged: tuple[str, ...] = ()

    def call(self, _service: str, operation: str, **asked: Any) -> dict[str, Any]:
        if operation in self.denied:
            raise _refused("AccessDenied", operation)
        answer: dict[str, Any] = getattr(self, operation)(**asked)
        return answer

    def pages(self, service: str, operation: str, key: str, **asked: Any) -> Iterator[dict[str, Any]]:
        yield from self.call(service, operation, **asked)[key]

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803 - AWS's names, here and below
        if StackName not in self.stacks:
            raise _refused("ValidationError", f"Stack with id {StackName} does not exist")
        stack = self.stacks[StackName]
        return {
            "Stacks": [
                {
                    "StackId": f"arn:stack/{StackName}/1",
                    "StackName": StackName,
                    "StackStatus": stack["status"],
                    "CreationTime": "2026-01-01T00:00:00+00:00",
                    "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in stack["parameters"].items()],
                    "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in stack["outputs"].items()],
                    "Tags": [{"Key": key, "Value": value} for key, value in stack["tags"].items()],
                }
            ]
        }

    def get_template(self, *, StackName: str, TemplateStage: str) -> dict[str, Any]:  # noqa: N803
        assert TemplateStage == "Original"
        return {"TemplateBody": self.stacks[StackName]["template"]}

    def get_stack_policy(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803
        return {"StackPolicyBody": json.dumps(self.stacks[StackName]["policy"])}

    def list_stack_resources(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803
        return {"StackResourceSummaries": [{"LogicalResourceId": "X", "PhysicalResourceId": f"{StackName}-x"}]}

    def describe_addresses(self, *, Filters: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        """`kept` have their tags; `untagged` are found by their ids alone."""
        if Filters[0]["Name"] == "allocation-id":
            return {
                "Addresses": [{"PublicIp": "198.51.100.8", "AllocationId": one} for one in Filters[0]["Values"] if one in self.untagged]
            }
        assert all(one["Name"].startswith("tag:") for one in Filters)
        return {"Addresses": [{"PublicIp": ip, "AllocationId": f"eipalloc-{ip}"} for ip in self.kept]}

    def list_action_executions(self, *, pipelineName: str, filter: dict[str, str] | None = None) -> dict[str, Any]:  # noqa: A002, N803
        if not self.run:
            raise _refused("PipelineNotFoundException", pipelineName)
        where = {"bucket": "artifacts", "key": "source.zip"}
        source = {"outputArtifacts": [{"name": "Source", "s3location": where}]}
        actions = [
            {"stageName": "Test-Deploy", "actionName": "service", "status": "Failed", "pipelineExecutionId": "newer"},
            {"stageName": "Test-Deploy", "actionName": "service", "status": "Succeeded", "pipelineExecutionId": EXECUTION},
            {"stageName": "Source", "actionName": "Source", "status": "Succeeded", "pipelineExecutionId": EXECUTION, "output": source},
        ]
        if filter is None and self.rolled_back:
            actions[1] = {**actions[1], "pipelineExecutionId": GONE}
        wanted = (filter or {}).get("pipelineExecutionId")
        return {"actionExecutionDetails": [one for one in actions if wanted in (None, one["pipelineExecutionId"])]}

    def get_pipeline_execution(self, *, pipelineName: str, pipelineExecutionId: str) -> dict[str, Any]:  # noqa: N803
        assert pipelineName == "demo"
        target = {"rollbackMetadata": {"rollbackTargetPipelineExecutionId": EXECUTION}} if pipelineExecutionId == GONE else {}
        return {"pipelineExecution": {"artifactRevisions": [{"name": "Source", "revisionId": self.run}], **target}}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        if (found := self.objects.get(f"{Bucket}/{Key}")) is None:
            raise _refused("NoSuchKey", Key)
        return {"Body": io.BytesIO(found)}


def _refused(code: str, detail: str) -> RefusedError:
    return RefusedError(f"{code}: {detail}", code=code, detail=detail)


@dataclass
class Desk:
    """A checkout, and what is live: at first the same."""

    root: Path
    project: Project
    cloud: Cloud

    def plan(self, image: str | None = None, owner: str = "test") -> Prepared:
        return prepare(self.root, self.project, Target(endpoint=None, why="test"), owner, image)

    def edit(self, stack: str, change: Callable[[Any], object]) -> None:
        file = self.root / RENDERED / "test" / f"{stack}.yaml"
        template = yaml.safe_load(file.read_text())
        change(template)
        file.write_text(yaml.safe_dump(template))

    def live(self, stack: str) -> dict[str, Any]:
        return self.cloud.stacks[f"demo-test-{stack}"]

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)


@pytest.fixture
def desk(checkout: Callable[..., Path], valid: Callable[[], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    root = tmp_path
    project = load(checkout(valid()))
    for file in BASE.rglob("*"):
        if file.is_file():
            target = root / file.relative_to(BASE).as_posix().replace("/production/", "/test/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(file.read_text())
    cloud = Cloud(stacks=dict(_stacks(root, "test", "demo-test")) | dict(_stacks(root, "shared", "demo")))
    monkeypatch.setattr(Aws, "call", lambda _aws, *names, **asked: cloud.call(*names, **asked))
    monkeypatch.setattr(Aws, "pages", lambda _aws, *names, **asked: cloud.pages(*names, **asked))
    return Desk(root=root, project=project, cloud=cloud)


def _stacks(root: Path, owner: str, prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """As they are after a deployment of the files: every output has a value, every parameter that of its output."""
    texts = {file.stem: file.read_text() for file in sorted((root / RENDERED / owner).glob("*.yaml"))}
    templates = {stack: yaml.safe_load(text) for stack, text in texts.items()}
    made = {output: f"{stack}-{output}" for stack, template in templates.items() for output in template.get("Outputs", {})}
    for stack, template in templates.items():
        configuration = json.loads((root / RENDERED / owner / f"{stack}.json").read_text())
        given = {**made, "ImageDigest": DIGEST}
        yield (
            f"{prefix}-{stack}",
            {
                "template": texts[stack],
                "status": "UPDATE_COMPLETE",
                "parameters": {name: given[name] for name in template.get("Parameters", {})},
                "outputs": {output: made[output] for output in template.get("Outputs", {})},
                "tags": configuration["Tags"],
                "policy": configuration["StackPolicy"],
            },
        )


def changed(plan: Prepared) -> dict[str, str]:
    """stack/resource -> what happens to it."""
    return {
        f"{one.stack}/{one.logical_id}": one.update if one.action == "modify" else one.action
        for owner in plan.review.owners
        for stack in owner.stacks
        for one in stack.changes
    }


def told(plan: Prepared) -> dict[str, str]:
    return {one.rule: one.verdict for owner in plan.review.owners for one in owner.findings}


def test_what_is_deployed_changes_nothing(desk: Desk) -> None:
    plan = desk.plan()
    assert (changed(plan), plan.changes, plan.review.verdict) == ({}, False, "safe")
    assert told(plan) == {"unpinned": "safe", "sites-unknown": "safe"}
    assert {stack.name for stack in plan.review.owners[0].stacks} >= {"demo-test-addresses", "demo-test-service"}


def test_the_pipelines_own_stacks_are_planned_alike(desk: Desk) -> None:
    plan = desk.plan(owner="shared")
    assert (changed(plan), plan.changes, plan.owner) == ({}, False, "shared")
    assert "sites-unknown" not in told(plan)


def test_the_image_that_is_deployed_is_no_change_and_another_one_is(desk: Desk) -> None:
    assert not desk.plan(DIGEST).changes
    plan = desk.plan(OTHER)
    assert changed(plan)["service/TaskDefinition"] == "replacement"
    assert plan.changes


def test_a_digest_that_is_none_is_refused(desk: Desk) -> None:
    with pytest.raises(PipelineError, match="is not an image digest"):
        desk.plan("latest")


def test_adopting_the_live_addresses_by_their_ids_is_no_change_of_the_load_balancer(desk: Desk) -> None:
    _adopt(desk, "addresses-AddressA", "addresses-AddressC")
    plan = desk.plan()
    assert "loadbalancer/LoadBalancer" not in changed(plan)
    # The parameters of the template go, which CloudFormation is told.
    assert next(stack.action for stack in plan.review.owners[0].stacks if stack.stack == "loadbalancer") == "update"


def test_adopting_another_one_is_blocked(desk: Desk) -> None:
    _adopt(desk, "addresses-AddressA", "eipalloc-other")
    plan = desk.plan()
    assert changed(plan)["loadbalancer/LoadBalancer"] == "in place"
    assert plan.review.verdict == "blocked"


def _adopt(desk: Desk, first: str, second: str) -> None:
    def literal(template: Any) -> None:
        mappings = template["Resources"]["LoadBalancer"]["Properties"]["SubnetMappings"]
        mappings[0]["AllocationId"], mappings[1]["AllocationId"] = first, second
        del template["Parameters"]["AddressA"], template["Parameters"]["AddressC"]

    desk.edit("loadbalancer", literal)
    for file in (desk.root / RENDERED / "test").glob("addresses.*"):
        file.unlink()


def test_a_parameter_that_is_not_what_its_stack_says_now_is_a_change(desk: Desk) -> None:
    """Somebody deployed the network by hand, and the load balancer not after it."""
    desk.live("network")["outputs"]["SubnetA"] = "subnet-new"
    plan = desk.plan()
    properties = [one for stack in plan.review.owners[0].stacks for change in stack.changes for one in change.properties]
    assert "loadbalancer/LoadBalancer" in changed(plan)
    assert any(one.path.startswith("SubnetMappings") for one in properties)
    assert "SubnetA" in next(stack.parameters for stack in plan.review.owners[0].stacks if stack.stack == "loadbalancer")


def test_what_is_replaced_upstream_changes_what_takes_it_although_the_old_value_is_known(desk: Desk) -> None:
    desk.edit("network", lambda template: template["Resources"]["SubnetA"]["Properties"].update(CidrBlock="10.1.9.0/24"))
    assert changed(desk.plan())["loadbalancer/LoadBalancer"] == "in place"


def test_a_template_that_somebody_changed_by_hand_is_changed_back(desk: Desk) -> None:
    live = desk.live("loadbalancer")
    template = yaml.safe_load(live["template"])
    template["Resources"]["TargetGroup"]["Properties"]["HealthCheckIntervalSeconds"] = 30
    # botocore parses a template in JSON itself.
    live["template"] = template
    assert changed(desk.plan()) == {"loadbalancer/TargetGroup": "in place"}


def test_the_stacks_own_tags_are_compared(desk: Desk) -> None:
    desk.live("addresses")["tags"]["Project"] = "other"
    assert changed(desk.plan())["addresses/EipA"] == "some interruption"


def test_an_environment_that_is_not_there_is_made(desk: Desk) -> None:
    for name in [name for name in desk.cloud.stacks if name.startswith("demo-test-")]:
        del desk.cloud.stacks[name]
    plan = desk.plan(OTHER)
    assert {stack.action for stack in plan.review.owners[0].stacks} == {"create"}
    assert plan.review.verdict != "blocked"
    assert "sites-unknown" not in told(plan)


def test_a_stack_that_is_wanted_no_more_is_told(desk: Desk) -> None:
    for file in (desk.root / RENDERED / "test").glob("monitoring.*"):
        file.unlink()
    assert told(desk.plan())["stack-left"] == "risky"


def test_a_stack_that_cannot_be_updated_is_blocked(desk: Desk) -> None:
    desk.live("service")["status"] = "UPDATE_ROLLBACK_FAILED"
    assert desk.plan().review.verdict == "blocked"


def test_without_rendered_files_there_is_no_plan(desk: Desk) -> None:
    for file in [*(desk.root / RENDERED / "test").iterdir(), *(desk.root / NGINX_RENDERED / "test").iterdir()]:
        file.unlink()
    with pytest.raises(PipelineError, match="nothing is rendered; run: kotei render"):
        desk.plan()


def test_what_the_role_may_not_read_is_told(desk: Desk) -> None:
    desk.cloud.denied = ("get_stack_policy", "list_stack_resources")
    plan = desk.plan()
    (finding,) = [one for one in plan.review.owners[0].findings if one.rule == "not-read"]
    assert finding.text.startswith("this role may not call GetStackPolicy, ListStackResources, so this plan says nothing")
    assert (plan.review.verdict, plan.changes) == ("safe", False)


@pytest.mark.parametrize(("approval", "asked"), [("always", True), ("risky", False), ("never", False)])
def test_the_environment_says_when_a_person_is_asked(desk: Desk, approval: str, asked: bool) -> None:  # noqa: FBT001 - a table
    (env,) = desk.project.environments
    desk.project = desk.project.model_copy(update={"environments": (env.model_copy(update={"approval": approval}),)})
    assert desk.plan().facts.needs_approval is asked


# ---- what AWS keeps of a stack that is gone


def test_an_address_that_no_stack_holds_any_more_is_not_replaced_by_another(desk: Desk) -> None:
    """Its stack was deleted by hand, and nobody pinned it."""
    del desk.cloud.stacks["demo-test-addresses"]
    assert "address-kept" not in told(desk.plan())
    desk.cloud.kept = ("198.51.100.7",)
    plan = desk.plan()
    assert told(plan)["address-kept"] == "blocked"
    assert plan.review.verdict == "blocked"
    (said, *_) = [one for owner in plan.review.owners for one in owner.findings if one.rule == "address-kept"]
    assert "AWS still holds 198.51.100.7 (eipalloc-198.51.100.7)" in said.text
    assert said.mend.startswith("kotei apply test --import")


def test_a_stack_that_holds_its_addresses_is_not_asked_about(desk: Desk) -> None:
    desk.cloud.kept = ("198.51.100.7",)
    resources = {"list_stack_resources": lambda **_: {"StackResourceSummaries": []}}
    assert "address-kept" in told(desk.plan())
    desk.cloud.__dict__.update(resources)
    assert "address-kept" not in told(desk.plan())


def test_who_may_not_look_for_addresses_says_so(desk: Desk) -> None:
    del desk.cloud.stacks["demo-test-addresses"]
    desk.cloud.denied = ("describe_addresses",)
    assert told(desk.plan())["not-read"] == "safe"


# ---- the ledger and exceptions


def pin(desk: Desk, address: str = "addresses-PublicIpA") -> None:
    entry = {"zone": "a", "address": address, "allocation": "addresses-AddressA"}
    desk.write("stacks/pinned/test.json", json.dumps({"addresses": [entry]}))


def test_a_pinned_address_that_is_live_is_well(desk: Desk) -> None:
    pin(desk)
    assert "pinned-address" not in told(desk.plan())


def test_a_pinned_address_that_is_not_live_is_blocked(desk: Desk) -> None:
    pin(desk, "203.0.113.9")
    plan = desk.plan()
    assert (told(plan)["pinned-address"], plan.review.verdict) == ("blocked", "blocked")


def test_a_pinned_address_without_its_tags_is_not_replaced_by_another(desk: Desk) -> None:
    pin(desk)
    desk.cloud.stacks.clear()
    assert "address-kept" not in told(desk.plan())
    desk.cloud.untagged = ("addresses-AddressA",)
    plan = desk.plan()
    assert (told(plan)["address-kept"], plan.review.verdict) == ("blocked", "blocked")


def test_an_accepted_finding_is_milder(desk: Desk) -> None:
    desk.edit("monitoring", lambda template: template["Resources"].pop("Dashboard"))
    assert told(desk.plan())["removed"] == "risky"
    named = 'rule = "removed"\nstack = "test/monitoring"\nresource = "Dashboard"\nowner = "us"\nreason = "x"\n'
    desk.write("policy/exceptions.toml", f"[[review]]\n{named}expires = 2999-01-01\n")
    plan = desk.plan()
    (finding,) = [one for one in plan.review.owners[0].findings if one.rule == "removed"]
    assert (finding.verdict, bool(finding.accepted)) == ("safe", True)


@pytest.mark.parametrize("path", ["stacks/pinned/test.json", "policy/exceptions.toml", NGINX, f"{RENDERED}/test/service.json"])
def test_the_fingerprint_moves_with_every_file(desk: Desk, path: str) -> None:
    before = desk.plan().facts.fingerprint
    assert desk.plan().facts.fingerprint == before
    known = (desk.root / path).read_text() if (desk.root / path).exists() else '{"addresses": []}' if path.endswith("json") else ""
    desk.write(path, known + "\n")
    assert desk.plan().facts.fingerprint != before


# ---- what runs: the commit's nginx.conf and ledger


def commit(root: Path) -> str:
    for arguments in (["init", "-q"], ["add", "-A"], ["-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "-qm", "x"]):
        subprocess.run(["git", "-C", str(root), *arguments], check=True)
    return subprocess.run(["git", "-C", str(root), "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()


def archive(root: Path) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as file:
        file.write(root / NGINX, NGINX)
    return held.getvalue()


@pytest.mark.parametrize("where", ["git", "artifact", "artifact of the run that was rolled back to"])
def test_the_nginx_conf_that_runs_is_found(desk: Desk, where: str) -> None:
    if where == "git":
        desk.cloud.run = commit(desk.root)
    else:
        desk.cloud.run, desk.cloud.objects["artifacts/source.zip"] = "c0ffee" * 6 + "c0ff", archive(desk.root)
        desk.cloud.rolled_back = where.endswith("to")
    same = desk.plan()
    assert (same.changes, "sites-unknown" in told(same)) == (False, False)
    text = (desk.root / NGINX).read_text()
    desk.write(NGINX, text.replace("api.example.com", "other.example.com"))
    plan = desk.plan()
    assert (plan.changes, "sites-unknown" in told(plan)) == (True, False)


@pytest.mark.parametrize("denied", [(), ("get_object",), ("list_action_executions",)])
def test_where_nobody_has_it_the_plan_says_so_and_is_the_same(desk: Desk, denied: tuple[str, ...]) -> None:
    desk.cloud.run, desk.cloud.denied = commit(desk.root), ()
    known = desk.plan()
    desk.cloud.run, desk.cloud.denied = "c0ffee" * 6 + "c0ff", denied
    unknown = desk.plan()
    assert ("sites-unknown" in told(known), told(unknown)["sites-unknown"]) == (False, "safe")
    assert unknown.facts.fingerprint == known.facts.fingerprint


def test_an_entry_that_left_the_ledger_since_the_deployment_is_found(desk: Desk) -> None:
    pin(desk)
    desk.cloud.run = commit(desk.root)
    (desk.root / "stacks/pinned/test.json").unlink()
    plan = desk.plan()
    assert (told(plan)["pin-removed"], plan.review.verdict) == ("blocked", "blocked")


THIRD = "sha256:" + "3" * 64


def _first_is_deployed(desk: Desk) -> None:
    """The run before this one: another image, and one more task at most."""
    service = desk.live("service")
    template = yaml.safe_load(service["template"])
    template["Resources"]["ScalableTarget"]["Properties"]["MaxCapacity"] += 1
    service.update(template=yaml.safe_dump(template), status="UPDATE_COMPLETE")
    service["parameters"]["ImageDigest"] = OTHER


def _second(desk: Desk, *, undoes: bool) -> None:
    """Its files hold what the run before it brought, as the next commit does, and let one more network in."""

    def one_more_client(template: Any) -> None:
        rules = template["Resources"]["LoadBalancerGroup"]["Properties"]["SecurityGroupIngress"]
        rules.append({**rules[0], "CidrIp": "198.18.0.0/28", "Description": "One more"})

    def one_more_task(template: Any) -> None:
        template["Resources"]["ScalableTarget"]["Properties"]["MaxCapacity"] += 1

    desk.edit("security", one_more_client)
    if not undoes:
        desk.edit("service", one_more_task)


def _not_approved(approved: Prepared, now: Prepared) -> list[str]:
    assert approved.facts.fingerprint != now.facts.fingerprint
    return list(uncovered(approved.parts, now.parts, expected=approved.facts.fingerprint))


def test_of_two_pushes_the_second_does_within_its_approval_what_the_first_has_left(desk: Desk) -> None:
    _second(desk, undoes=False)
    approved = desk.plan(THIRD)
    _first_is_deployed(desk)
    now = desk.plan(THIRD)
    assert {"security/LoadBalancerGroup", "service/TaskDefinition"} <= changed(now).keys()
    assert _not_approved(approved, now) == []


def test_of_two_pushes_the_second_does_not_undo_the_first_without_a_word(desk: Desk) -> None:
    _second(desk, undoes=True)
    approved = desk.plan(THIRD)
    _first_is_deployed(desk)
    assert "service/ScalableTarget: MaxCapacity" in _not_approved(approved, desk.plan(THIRD))


def test_what_somebody_opened_by_hand_is_not_closed_under_an_approval_that_did_not_say_so(desk: Desk) -> None:
    _second(desk, undoes=False)
    approved = desk.plan(THIRD)
    template = yaml.safe_load(desk.live("security")["template"])
    rules = template["Resources"]["LoadBalancerGroup"]["Properties"]["SecurityGroupIngress"]
    rules.append({**rules[0], "CidrIp": "198.18.1.0/28", "Description": "By hand"})
    desk.live("security")["template"] = yaml.safe_dump(template)
    assert "security/LoadBalancerGroup: SecurityGroupIngress[198.18.1.0/28]" in _not_approved(approved, desk.plan(THIRD))


@pytest.mark.parametrize(("begins", "frozen"), [(-1, True), (1, False)])
def test_a_freeze_is_in_the_plan_as_long_as_it_lasts(desk: Desk, begins: int, *, frozen: bool) -> None:
    start = datetime.now(UTC) + timedelta(hours=begins)
    freeze = Freeze(start=start, until=start + timedelta(hours=9), reason="year end")
    (env,) = desk.project.environments
    desk.project = desk.project.model_copy(update={"environments": (env.model_copy(update={"freeze": (freeze,)}),)})
    plan = desk.plan()
    assert ("frozen" in told(plan)) is bool(plan.frozen) is frozen
    assert desk.plan(owner="shared").frozen == ""
