"""The front door: the network load balancer that holds the fixed addresses, ends TLS and forwards to the proxy tasks."""

from __future__ import annotations

from troposphere import GetAtt, Output, Ref, Sub, Tags, Template, s3
from troposphere import elasticloadbalancingv2 as elb

from policy import bucket
from stacks import private_bucket, target_groups
from stacks.environment import Environment, Port
from stacks.keep import KEEP
from stacks.placement import address_id, parameter, subnet_id
from stacks.ports import LISTENER_PORT, suffix
from stacks.spec import StackSpec
from stacks.target_groups import flag


def build(env: Environment) -> Template:
    t = Template(Description=f"{env.project} {env.name}: load balancer on the fixed addresses")
    if env.loadbalancer.access_logs:
        _access_logs(t, env)
    _load_balancer(t, env)
    target_groups.build(t, env)
    _listener(t, env)
    for port in env.ports:
        _further_listener(t, port)
    return t


def _load_balancer(t: Template, env: Environment) -> None:
    balancer = t.add_resource(
        elb.LoadBalancer(
            "LoadBalancer",
            Type="network",
            Scheme="internet-facing",
            IpAddressType="ipv4",
            # At creation or never: a load balancer made without a security group cannot be given one (NLB guide).
            SecurityGroups=[
                parameter(t, "LoadBalancerSecurityGroup", "AWS::EC2::SecurityGroup::Id", "Output of the security stack"),
            ],
            SubnetMappings=[
                elb.SubnetMapping(SubnetId=subnet_id(t, env, zone), AllocationId=address_id(t, env, zone)) for zone in env.zones
            ],
            LoadBalancerAttributes=[elb.LoadBalancerAttributes(Key=key, Value=value) for key, value in sorted(_attributes(env).items())],
            Tags=Tags(Name=f"{env.project}-{env.name}"),
        )
    )
    if env.loadbalancer.access_logs:
        # The load balancer writes a test object before it accepts the bucket.
        balancer.DependsOn = "AccessLogsPolicy"
        balancer.LoadBalancerAttributes.append(elb.LoadBalancerAttributes(Key="access_logs.s3.bucket", Value=Ref("AccessLogs")))
    t.add_output(Output("LoadBalancerFullName", Value=GetAtt(balancer, "LoadBalancerFullName")))
    t.add_output(Output("LoadBalancerDnsName", Value=GetAtt(balancer, "DNSName")))


def _attributes(env: Environment) -> dict[str, str]:
    return {
        "access_logs.s3.enabled": flag(env.loadbalancer.access_logs),
        "deletion_protection.enabled": flag(env.loadbalancer.deletion_protection),
        "load_balancing.cross_zone.enabled": flag(env.loadbalancer.cross_zone),
        # Free, and lets an operator take a broken zone out of the load balancer's DNS name without a deployment.
        "zonal_shift.config.enabled": "true",
    }


def _listener(t: Template, env: Environment) -> None:
    certificate = env.certificate.arn or parameter(t, "CertificateArn", "String", "Output of the certificate stack")
    # No tcp.idle_timeout.seconds: it is fixed to 350 seconds for TLS.
    t.add_resource(
        elb.Listener(
            "Listener",
            LoadBalancerArn=Ref("LoadBalancer"),
            Protocol="TLS",
            Port=LISTENER_PORT,
            # Without it CloudFormation gets ELBSecurityPolicy-2016-08, which still speaks TLS 1.0.
            SslPolicy=env.loadbalancer.ssl_policy,
            # What is agreed on is passed to nginx as it is, in plain text; a client that offers both gets HTTP/1.1.
            AlpnPolicy=["HTTP2Optional"],
            Certificates=[elb.Certificate(CertificateArn=certificate)],
            DefaultActions=[elb.Action(Type="forward", TargetGroupArn=Ref("TargetGroup"))],
        )
    )


def _further_listener(t: Template, port: Port) -> None:
    listener = t.add_resource(
        elb.Listener(
            f"Listener{suffix(port.port)}",
            LoadBalancerArn=Ref("LoadBalancer"),
            Protocol="TCP",
            Port=port.port,
            ListenerAttributes=[elb.ListenerAttribute(Key="tcp.idle_timeout.seconds", Value=str(port.idle_timeout))],
            DefaultActions=[elb.Action(Type="forward", TargetGroupArn=Ref(f"TargetGroup{suffix(port.port)}"))],
        )
    )
    # House rules refuse a listener that ends no TLS, unless it says that the bytes belong to others (policy/rules/loadbalancer.guard).
    listener.Metadata = {"kotei": {"passthrough": True}}


def _access_logs(t: Template, env: Environment) -> None:
    def within(path: str) -> Sub:
        return Sub(f"${{AccessLogs.Arn}}{path}")

    t.add_resource(
        s3.Bucket(
            "AccessLogs",
            # The key is S3's own: log delivery needs nothing for it, and the bucket holds no request bodies.
            BucketEncryption=s3.BucketEncryption(
                ServerSideEncryptionConfiguration=[
                    s3.ServerSideEncryptionRule(ServerSideEncryptionByDefault=s3.ServerSideEncryptionByDefault(SSEAlgorithm="AES256"))
                ]
            ),
            LifecycleConfiguration=s3.LifecycleConfiguration(
                Rules=[
                    s3.LifecycleRule(
                        Id="expire",
                        Status="Enabled",
                        ExpirationInDays=env.loadbalancer.log_days,
                        AbortIncompleteMultipartUpload=s3.AbortIncompleteMultipartUpload(DaysAfterInitiation=1),
                    )
                ]
            ),
            **private_bucket.properties(),
            **KEEP,
        )
    )
    t.add_resource(
        s3.BucketPolicy(
            "AccessLogsPolicy",
            Bucket=Ref("AccessLogs"),
            PolicyDocument=bucket.access_logs(within=within, account=env.account, region=env.region),
        )
    )


STACK = StackSpec(name="loadbalancer", build=build)
