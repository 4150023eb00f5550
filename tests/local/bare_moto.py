"""Asks moto without any gap mended, in a process of its own, and prints what was right: {gap: bool}."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import boto3
from botocore.exceptions import ClientError
from moto import mock_aws

REGION = "ap-northeast-1"


def refused(code: str, call: Callable[[], Any]) -> bool:
    try:
        call()
    except ClientError as error:
        return error.response["Error"]["Code"] == code
    return False


def ec2_answers(ec2: Any) -> dict[str, bool]:
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.20.0.0/24")["Subnet"]["SubnetId"]
    ec2.create_network_interface(SubnetId=subnet)
    used, user = (ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"] for name in ("used", "user"))
    peer = [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": used}]}]
    ec2.authorize_security_group_ingress(GroupId=user, IpPermissions=peer)
    answers = {
        "security_groups_in_use_are_not_deleted": refused("DependencyViolation", lambda: ec2.delete_security_group(GroupId=used)),
        "subnets_in_use_are_not_deleted": refused("DependencyViolation", lambda: ec2.delete_subnet(SubnetId=subnet)),
    }
    bare = ec2.create_vpc(CidrBlock="10.30.0.0/16")["Vpc"]["VpcId"]
    ec2.create_security_group(GroupName="left", Description="left", VpcId=bare)
    answers["vpcs_in_use_are_not_deleted"] = refused("DependencyViolation", lambda: ec2.delete_vpc(VpcId=bare))
    first = ec2.allocate_address(Domain="vpc")["PublicIp"]
    again = refused("InvalidAddress.NotFound", lambda: ec2.allocate_address(Domain="vpc", Address=first))
    answers["addresses_are_recovered_only_when_free"] = again
    answers["addresses_have_a_quota"] = refused("AddressLimitExceeded", lambda: [ec2.allocate_address(Domain="vpc") for _ in range(6)])
    seconds = {ec2.allocate_address(Domain="vpc")["PublicIp"].split(".")[1] for _ in range(1500)}
    answers["addresses_do_not_collide"] = not seconds & {"0", "20", "254"}
    return answers


def alarm_answers(cloudwatch: Any) -> dict[str, bool]:
    cloudwatch.put_metric_alarm(
        AlarmName="a",
        MetricName="m",
        Namespace="n",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    state = cloudwatch.describe_alarms(AlarmNames=["a"])["MetricAlarms"][0]["StateValue"]
    return {"alarms_start_without_data": state == "INSUFFICIENT_DATA"}


def balancer_answers(ec2: Any, elb: Any, acm: Any, ecs: Any) -> dict[str, bool]:
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=f"{REGION}{zone}")["Subnet"]["SubnetId"]
        for zone, cidr in (("a", "10.20.0.0/28"), ("c", "10.20.1.0/28"))
    ]
    allocations = [ec2.allocate_address(Domain="vpc")["AllocationId"] for _ in range(3)]
    mappings = [{"SubnetId": subnet, "AllocationId": found} for subnet, found in zip(subnets, allocations, strict=False)]

    def make(name: str) -> dict[str, Any]:
        made: dict[str, Any] = elb.create_load_balancer(Name=name, Type="network", SubnetMappings=mappings)["LoadBalancers"][0]
        return made

    balancer = make("one")
    arn = balancer["LoadBalancerArn"]
    group = elb.create_target_group(Name="group", Protocol="TCP", Port=8080, VpcId=vpc, TargetType="ip")["TargetGroups"][0][
        "TargetGroupArn"
    ]
    certificate = acm.request_certificate(DomainName="a.example.com")["CertificateArn"]
    listener = elb.create_listener(
        LoadBalancerArn=arn,
        Protocol="TLS",
        Port=443,
        Certificates=[{"CertificateArn": certificate}],
        DefaultActions=[{"Type": "forward", "TargetGroupArn": group}],
    )["Listeners"][0]["ListenerArn"]
    elb.register_targets(TargetGroupArn=group, Targets=[{"Id": "10.20.0.7", "Port": 8080}])
    attributes = {found["Key"]: found["Value"] for found in elb.describe_target_group_attributes(TargetGroupArn=group)["Attributes"]}
    interfaces = [ec2.create_network_interface(SubnetId=subnets[0])["NetworkInterface"]["PrivateIpAddress"] for _ in range(9)]
    security = ec2.create_security_group(GroupName="g", Description="g", VpcId=vpc)["GroupId"]
    facts = {
        "network_balancers_hold_their_addresses": ":loadbalancer/net/" in arn and refused("ResourceInUse", lambda: make("two")),
        "balancers_show_their_addresses": all(zone.get("LoadBalancerAddresses") for zone in balancer["AvailabilityZones"]),
        "held_addresses_are_not_released": refused("InvalidIPAddress.InUse", lambda: ec2.release_address(AllocationId=allocations[1])),
        "security_groups_only_from_the_start": refused(
            "InvalidConfigurationRequest", lambda: elb.set_security_groups(LoadBalancerArn=arn, SecurityGroups=[security])
        ),
        "subnets_change_with_their_addresses": refused(
            "InvalidConfigurationRequest",
            lambda: elb.set_subnets(
                LoadBalancerArn=arn, SubnetMappings=[{"SubnetId": subnets[0], "AllocationId": allocations[2]}, {"SubnetId": subnets[1]}]
            ),
        ),
        "private_addresses_are_unique": len(set(interfaces)) == len(interfaces) and "10.20.0.0" not in interfaces,
        "network_target_groups_have_their_own_attributes": attributes.get("preserve_client_ip.enabled") == "false",
        "target_health_is_measured": elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"][0]["TargetHealth"][
            "State"
        ]
        == "initial",
        "listeners_keep_tls_settings": not refused(
            "UnsupportedProtocol", lambda: elb.modify_listener(ListenerArn=listener, Protocol="TLS")
        ),
    }
    idle = [{"Key": "tcp.idle_timeout.seconds", "Value": "60"}]
    facts["idle_timeouts_are_of_tcp"] = refused(
        "InvalidConfigurationRequest", lambda: elb.modify_listener_attributes(ListenerArn=listener, Attributes=idle)
    )
    facts["certificates_in_use_are_not_deleted"] = refused(
        "ResourceInUseException", lambda: acm.delete_certificate(CertificateArn=certificate)
    )
    elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=[{"Key": "deletion_protection.enabled", "Value": "true"}])
    facts["deletion_gives_addresses_back"] = refused("OperationNotPermitted", lambda: elb.delete_load_balancer(LoadBalancerArn=arn))
    return facts | service_answers(ecs, subnets, security)


def service_answers(ecs: Any, subnets: list[str], security: str) -> dict[str, bool]:
    ecs.create_cluster(clusterName="c")

    def definition() -> str:
        found: str = ecs.register_task_definition(
            family="f", networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256", memory="512",
            containerDefinitions=[{"name": "p", "image": "i", "cpu": 1, "memory": 128}],
        )["taskDefinition"]["taskDefinitionArn"]  # fmt: skip
        return found

    network = {"awsvpcConfiguration": {"subnets": subnets, "securityGroups": [security]}}
    made = ecs.create_service(
        cluster="c",
        serviceName="s",
        taskDefinition=definition(),
        desiredCount=1,
        capacityProviderStrategy=[{"capacityProvider": "FARGATE", "weight": 1}],
        networkConfiguration=network,
    )["service"]
    updated = ecs.update_service(cluster="c", service="s", taskDefinition=definition())["service"]
    listed = ecs.list_tasks(cluster="c", serviceName="s")["taskArns"]
    deleted = ecs.delete_service(cluster="c", service="s", force=True)["service"]
    remaining = ecs.list_services(cluster="c")["serviceArns"]
    return {
        "services_keep_what_they_were_given": "capacityProviderStrategy" in made and "launchType" not in made,
        "updates_start_deployments": len(updated["deployments"]) == 2,
        "tasks_are_the_data_planes": len(listed) == 1,
        "deletions_drain": deleted["desiredCount"] == 0,
        "descriptions_show_what_runs": remaining == [],
        "service_deployments_are_told": answered(lambda: ecs.list_service_deployments(cluster="c", service="s")),
    }


def image_answers(ecr: Any) -> dict[str, bool]:
    ecr.create_repository(repositoryName="rr")
    kind = "application/vnd.oci.image.manifest.v1+json"
    layer = {"mediaType": "application/vnd.oci.image.layer.v1.tar", "size": 1, "digest": "sha256:" + "1" * 64}
    digests = set()
    for tag in ("one", "two"):
        manifest = {"schemaVersion": 2, "mediaType": kind, "config": {"digest": f"sha256:{tag}", "size": 1}, "layers": [layer]}
        image = ecr.put_image(repositoryName="rr", imageManifest=json.dumps(manifest), imageTag=tag)["image"]
        digests.add(image["imageId"]["imageDigest"])
    ecr.start_image_scan(repositoryName="rr", imageId={"imageTag": "one"})
    scan = ecr.describe_image_scan_findings(repositoryName="rr", imageId={"imageTag": "one"})
    answers = {"digests_are_of_manifests": len(digests) == 2, "scans_invent_nothing": scan["imageScanFindings"]["findings"] == []}
    there = {"region": "us-west-2", "registryId": "123456789012"}
    ecr.put_replication_configuration(replicationConfiguration={"rules": [{"destinations": [there]}]})
    ecr.put_image(repositoryName="rr", imageManifest=json.dumps(manifest), imageTag="three")
    copies = boto3.client("ecr", region_name="us-west-2")
    copied = not refused("RepositoryNotFoundException", lambda: copies.list_images(repositoryName="rr"))
    signing = answered(lambda: ecr.put_signing_configuration(signingConfiguration={"rules": []}))
    return answers | {"images_are_copied": copied, "images_are_signed": signing}


def bucket_answers(s3: Any) -> dict[str, bool]:
    s3.create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": REGION})
    condition = {"Bool": {"aws:SecureTransport": "false"}}
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": ["arn:aws:s3:::bucket/*"], "Condition": condition}
    s3.put_bucket_policy(Bucket="bucket", Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
    return {"conditions_are_part_of_a_policy": not refused("403", lambda: s3.put_object(Bucket="bucket", Key="k", Body=b""))}


def log_answers(logs: Any) -> dict[str, bool]:
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    now = int(time.time() * 1000)
    logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=[{"timestamp": now, "message": '{"status": 200}'}])
    found = logs.filter_log_events(logGroupName="g", filterPattern="{ $.status = 500 }")["events"]
    saved = answered(lambda: logs.put_query_definition(name="q", queryString="fields @message"))
    return {"events_are_filtered": not found, "queries_are_saved": saved}


def account_answers(ec2: Any, iam: Any, quotas: Any) -> dict[str, bool]:
    role = iam.create_service_linked_role(AWSServiceName="ecs.amazonaws.com")["Role"]["RoleName"]
    nowhere = "arn:aws:iam::111122223333:policy/nowhere"
    bounded = answered(lambda: iam.create_role(RoleName="bounded", AssumeRolePolicyDocument="{}", PermissionsBoundary=nowhere))
    return {
        "boundaries_exist": not bounded,
        "linked_roles_have_their_names": role == "AWSServiceRoleForECS",
        "public_access_can_be_blocked": answered(ec2.describe_vpc_block_public_access_options),
        "quotas_of_other_services": answered(lambda: quotas.get_service_quota(ServiceCode="ec2", QuotaCode="L-0263D0A3")),
    }


def answered(call: Callable[[], Any]) -> bool:
    try:
        call()
    except (NotImplementedError, ClientError):
        return False
    return True


@mock_aws
def main() -> None:
    names = ("ec2", "elbv2", "acm", "ecs", "cloudwatch", "ecr", "s3", "logs")
    ec2, elb, acm, ecs, cloudwatch, ecr, s3, logs = (boto3.client(name, region_name=REGION) for name in names)
    # The addresses that the load balancer's part needs are taken before the quota is tried.
    answers = balancer_answers(ec2, elb, acm, ecs) | ec2_answers(ec2)
    answers |= alarm_answers(cloudwatch) | image_answers(ecr) | bucket_answers(s3) | log_answers(logs)
    answers |= account_answers(ec2, *(boto3.client(name, region_name=REGION) for name in ("iam", "service-quotas")))
    print(json.dumps(answers))  # noqa: T201 - its answer


if __name__ == "__main__":
    main()
