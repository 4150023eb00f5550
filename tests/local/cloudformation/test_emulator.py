"""moto's memory survives the process: what was there before is there after, with the same ids."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import moto
import pytest
from botocore.exceptions import ClientError

from pipeline.errors import PipelineError
from pipeline.local import emulator

pytestmark = pytest.mark.local

# What a fresh process sees in a home folder.
LOOK = """
import json, sys
from pathlib import Path
from werkzeug.test import EnvironBuilder
from pipeline.errors import PipelineError
from pipeline.local import emulator
from pipeline.local.world import World
world = World(home=Path(sys.argv[1]), root=Path("."), endpoint="", account="111122223333", region="ap-northeast-1", store=None)
emulator.restore(world)
import moto.backends as b
def backend(name, region="ap-northeast-1"): return b.get_backend(name)["111122223333"][region]
ec2, elb, s3 = backend("ec2"), backend("elbv2"), backend("s3", "aws")
seen = {
    "addresses": sorted([a.public_ip, a.allocation_id, a.association_id] for a in ec2.addresses),
    "balancers": sorted(elb.load_balancers),
    "interfaces_shared": all(elb.ec2_backend is ec2 for _ in [0]),
    "owners": sorted(b.get_backend("s3").bucket_accounts),
    "large": len(s3.get_object("artifacts", "large").value),
    "small": s3.get_object("artifacts", "small").value.decode(),
    "repositories": sorted(backend("ecr").repositories),
    "keys": sorted(backend("kms").keys),
    "certificates": sorted(backend("acm")._certificates),
    "parameter": backend("ssm").get_parameter("/greeting").value,
    "no_parameter": backend("ssm")._parameters["/none"],
}
print(json.dumps(seen))
"""


def fill(cloud: Any) -> None:
    ec2, elb, s3 = (cloud.client(service) for service in ("ec2", "elbv2", "s3"))
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.20.0.0/24")["Subnet"]["SubnetId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    allocation = ec2.allocate_address(Domain="vpc")["AllocationId"]
    elb.create_load_balancer(Name="front", Type="network", SubnetMappings=[{"SubnetId": subnet, "AllocationId": allocation}])
    s3.create_bucket(Bucket="artifacts", CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"})
    s3.put_object(Bucket="artifacts", Key="large", Body=b"x" * 300_000)
    s3.put_object(Bucket="artifacts", Key="small", Body=b"tiny")
    # moto keeps its tags by a factory that pickle cannot name.
    cloud.client("ssm").put_parameter(Name="/greeting", Value="hello", Type="String", Tags=[{"Key": "team", "Value": "proxy"}])
    cloud.client("ecr").create_repository(repositoryName="proxy")
    cloud.client("kms").create_key()
    cloud.client("acm").request_certificate(DomainName="www.example.com")


def look(home: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", LOOK, str(home)], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": "."}, check=False
    )
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


def test_a_new_process_finds_everything(cloud: Any) -> None:
    fill(cloud)
    seen = look(cloud.world.home)
    address = cloud.client("ec2").describe_addresses()["Addresses"][0]
    assert seen["addresses"] == [[address["PublicIp"], address["AllocationId"], address["AssociationId"]]]
    assert seen["balancers"] == [cloud.client("elbv2").describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"]]
    assert seen["interfaces_shared"]
    assert (seen["large"], seen["small"]) == (300_000, "tiny")
    assert seen["owners"] == ["artifacts"]
    assert seen["repositories"] == ["proxy"]
    assert seen["keys"] == [cloud.client("kms").list_keys()["Keys"][0]["KeyId"]]
    assert seen["certificates"] == [cloud.client("acm").list_certificates()["CertificateSummaryList"][0]["CertificateArn"]]
    assert (seen["parameter"], seen["no_parameter"]) == ("hello", [])


def test_the_snapshot_is_there_before_the_answer(cloud: Any) -> None:
    cloud.client("ec2").allocate_address(Domain="vpc")
    first = (cloud.world.home / "moto.pickle").read_bytes()
    cloud.client("ec2").allocate_address(Domain="vpc")
    assert (cloud.world.home / "moto.pickle").read_bytes() != first


def test_reading_writes_nothing(cloud: Any) -> None:
    cloud.client("ec2").allocate_address(Domain="vpc")
    before = (cloud.world.home / "moto.pickle").stat()
    cloud.client("ec2").describe_addresses()
    cloud.client("s3").list_buckets()
    assert (cloud.world.home / "moto.pickle").stat() == before


def test_large_objects_stay_out_of_the_snapshot(cloud: Any) -> None:
    fill(cloud)
    assert len(list((cloud.world.home / "objects").iterdir())) == 1
    assert (cloud.world.home / "moto.pickle").stat().st_size < 300_000


def test_awss_own_parameters_stay_out_of_the_snapshot_and_are_there_after_it(cloud: Any) -> None:
    asked = {"Path": "/aws/service/global-infrastructure/services"}
    before = cloud.client("ssm").get_parameters_by_path(**asked)["Parameters"]
    cloud.client("ssm").put_parameter(Name="/greeting", Value="hello", Type="String")
    assert (cloud.world.home / "moto.pickle").stat().st_size < 500_000
    emulator.restore(cloud.world)
    assert [one["Name"] for one in cloud.client("ssm").get_parameters_by_path(**asked)["Parameters"]] == [one["Name"] for one in before]
    assert cloud.client("ssm").get_parameter(Name="/greeting")["Parameter"]["Value"] == "hello"


def test_restoring_twice_changes_nothing(cloud: Any) -> None:
    fill(cloud)
    before = cloud.client("ec2").describe_addresses()["Addresses"]
    emulator.restore(cloud.world)
    assert cloud.client("ec2").describe_addresses()["Addresses"] == before
    assert cloud.client("s3").list_buckets()["Buckets"][0]["Name"] == "artifacts"


def test_what_moto_does_not_have_is_refused_by_name(cloud: Any) -> None:
    arn = "arn:aws:application-autoscaling:ap-northeast-1:111122223333:scalable-target/x"
    with pytest.raises(ClientError, match=r"NotImplementedException.*moto: The tag_resource action has not been implemented"):
        cloud.client("application-autoscaling").tag_resource(ResourceARN=arn, Tags={"a": "b"})
    with pytest.raises(ClientError, match=r"NotImplementedException.*moto: .*modify_ip_pools"):
        cloud.client("elbv2").modify_ip_pools(LoadBalancerArn=arn)


@pytest.mark.parametrize("content", [b"", b"garbage", b"\x80\x05cmoto.ec2.models\nNoSuchClass\n.", b"\x80\x05K\x01."])
def test_an_unreadable_snapshot_says_what_to_do(cloud: Any, content: bytes) -> None:
    (cloud.world.home / "moto.pickle").write_bytes(content)
    with pytest.raises(PipelineError, match=r"moto\.pickle cannot be read by moto .*rm -r"):
        emulator.restore(cloud.world)


def test_a_snapshot_of_another_moto_or_of_before_versions_is_refused(cloud: Any) -> None:
    cloud.client("ec2").allocate_address(Domain="vpc")
    memory = cloud.world.home / "moto.pickle"
    content = memory.read_bytes()
    memory.write_bytes(pickle.dumps("5.0.0") + content[len(pickle.dumps(moto.__version__)) :])
    with pytest.raises(PipelineError, match=r"it was written by moto 5\.0\.0"):
        emulator.restore(cloud.world)
    memory.write_bytes(content[len(pickle.dumps(moto.__version__)) :])
    with pytest.raises(PipelineError, match="it was written by moto of unknown version"):
        emulator.restore(cloud.world)


def test_stacks_whose_resources_are_gone_are_refused(cloud: Any) -> None:
    (cloud.world.home / "moto.pickle").unlink(missing_ok=True)
    emulator.restore(cloud.world)
    cloud.world.store.put("cloudformation-stack", "x", {})
    with pytest.raises(PipelineError, match=r"moto\.pickle is missing"):
        emulator.restore(cloud.world)
