"""What CloudFormation needs for VPC, addresses, security groups and load balancer."""

from __future__ import annotations

from awacs import ec2, elasticloadbalancing
from awacs.aws import Statement

from policy.statement import allow


def statements(where: str) -> list[Statement]:
    return [_network(where), _network_reads(), _balancer(where), _balancer_reads()]


def _network(where: str) -> Statement:
    """EC2 gives ids, not names, so only the account and the region bound these."""
    return allow(
        "Network",
        [
            ec2.AllocateAddress,
            ec2.AssociateRouteTable,
            ec2.AttachInternetGateway,
            ec2.AuthorizeSecurityGroupEgress,
            ec2.AuthorizeSecurityGroupIngress,
            ec2.CreateFlowLogs,
            ec2.CreateInternetGateway,
            ec2.CreateRoute,
            ec2.CreateRouteTable,
            ec2.CreateSecurityGroup,
            ec2.CreateSubnet,
            ec2.CreateTags,
            ec2.CreateVpc,
            ec2.CreateVpcEndpoint,
            ec2.DeleteFlowLogs,
            ec2.DeleteInternetGateway,
            ec2.DeleteRoute,
            ec2.DeleteRouteTable,
            ec2.DeleteSecurityGroup,
            ec2.DeleteSubnet,
            ec2.DeleteTags,
            ec2.DeleteVpc,
            ec2.DeleteVpcEndpoints,
            ec2.DescribeVpcAttribute,
            ec2.DetachInternetGateway,
            ec2.DisassociateRouteTable,
            ec2.ModifySubnetAttribute,
            ec2.ModifyVpcAttribute,
            ec2.ModifyVpcEndpoint,
            ec2.ReplaceRoute,
            ec2.ReplaceRouteTableAssociation,
            ec2.RevokeSecurityGroupEgress,
            ec2.RevokeSecurityGroupIngress,
            ec2.UpdateSecurityGroupRuleDescriptionsEgress,
            ec2.UpdateSecurityGroupRuleDescriptionsIngress,
        ],
        f"arn:aws:ec2:{where}:*/*",
    )


def _network_reads() -> Statement:
    # No Describe* of EC2 takes a resource, but for DescribeVpcAttribute, which is above.
    return allow(
        "AnyResourceNetworkReads",
        [
            # Creating a load balancer asks for it (Elastic Load Balancing API permissions).
            ec2.DescribeAccountAttributes,
            ec2.DescribeAddresses,
            ec2.DescribeFlowLogs,
            ec2.DescribeInstances,
            ec2.DescribeInternetGateways,
            ec2.DescribeIpamPools,
            ec2.DescribeNetworkAcls,
            ec2.DescribeNetworkInterfaces,
            ec2.DescribeRouteTables,
            ec2.DescribeSecurityGroupRules,
            ec2.DescribeSecurityGroups,
            ec2.DescribeSubnets,
            ec2.DescribeTags,
            ec2.DescribeVpcEncryptionControls,
            ec2.DescribeVpcEndpoints,
            ec2.DescribeVpcs,
            ec2.DescribeVpnGateways,
        ],
        "*",
    )


def _balancer(where: str) -> Statement:
    # Balancer and target group are unnamed on purpose (a name would forbid their replacement), so only their kind bounds these.
    kinds = ("loadbalancer/net", "listener/net", "targetgroup")
    return allow(
        "Balancer",
        [
            elasticloadbalancing.AddTags,
            elasticloadbalancing.CreateListener,
            elasticloadbalancing.CreateLoadBalancer,
            elasticloadbalancing.CreateTargetGroup,
            elasticloadbalancing.DeleteListener,
            elasticloadbalancing.DeleteLoadBalancer,
            elasticloadbalancing.DeleteTargetGroup,
            elasticloadbalancing.ModifyListener,
            elasticloadbalancing.ModifyListenerAttributes,
            elasticloadbalancing.ModifyLoadBalancerAttributes,
            elasticloadbalancing.ModifyTargetGroup,
            elasticloadbalancing.ModifyTargetGroupAttributes,
            elasticloadbalancing.RemoveTags,
            elasticloadbalancing.SetIpAddressType,
            elasticloadbalancing.SetSecurityGroups,
            elasticloadbalancing.SetSubnets,
        ],
        *(f"arn:aws:elasticloadbalancing:{where}:{kind}/*" for kind in kinds),
    )


def _balancer_reads() -> Statement:
    # No Describe* of Elastic Load Balancing takes a resource.
    return allow(
        "AnyResourceBalancerReads",
        [
            elasticloadbalancing.DescribeCapacityReservation,
            elasticloadbalancing.DescribeListenerAttributes,
            elasticloadbalancing.DescribeListeners,
            elasticloadbalancing.DescribeLoadBalancerAttributes,
            elasticloadbalancing.DescribeLoadBalancers,
            elasticloadbalancing.DescribeTags,
            elasticloadbalancing.DescribeTargetGroupAttributes,
            elasticloadbalancing.DescribeTargetGroups,
            elasticloadbalancing.DescribeTargetHealth,
        ],
        "*",
    )
