"""Permissions in the schemas of resource types that no role of ours has: for features that no template uses, or that nobody shall have.

By the beginning of the permission. A read is not here: CloudFormation reads a resource with all of its features.
"""

from __future__ import annotations

NOT_GIVEN = {
    "acm-pca": "a private certificate authority",
    "application-autoscaling:DeleteScheduledAction": "scheduled scaling",
    "application-autoscaling:PutScheduledAction": "scheduled scaling",
    "autoscaling:DescribeTags": "flow logs of Auto Scaling groups",
    "codeconnections:CreateConnection": "a new connection waits for a person in the console",
    "cognito-idp": "listeners that authenticate users",
    "ec2:AcceptAddressTransfer": "addresses of other accounts",
    "ec2:AssociateAddress": "the load balancer takes its addresses itself",
    "ec2:AssociateSubnetCidrBlock": "IPv6",
    "ec2:AttachVpnGateway": "VPN",
    "ec2:CreateVpcEncryptionControl": "encryption control",
    "ec2:DetachVpnGateway": "VPN",
    "ec2:DisassociateAddress": "a fixed address is never taken away",
    "ec2:DisassociateSubnetCidrBlock": "IPv6",
    "ec2:ModifyVpcTenancy": "dedicated hosts",
    "ecs:PutAccountSetting": "settings of the whole account",
    "elasticloadbalancing:DeregisterTargets": "ECS registers the targets",
    "elasticloadbalancing:ModifyCapacityReservation": "reserved capacity",
    "elasticloadbalancing:ModifyIpPools": "IPAM pools",
    "elasticloadbalancing:RegisterTargets": "ECS registers the targets",
    "firehose": "delivery log groups",
    "iam:AttachGroupPolicy": "people",
    "iam:AttachUserPolicy": "people",
    "iam:DetachGroupPolicy": "people",
    "iam:DetachUserPolicy": "people",
    "iam:DeleteRolePermissionsBoundary": "a boundary is never taken from a role",
    "iam:PutRolePermissionsBoundary": "the shared stacks' roles have no boundary; where a role has one, it is asked for",
    "kms:CreateGrant": "a registry with a key of its own",
    "kms:DisableKey": "a key is not switched off by a template",
    "kms:DisableKeyRotation": "keys rotate",
    "kms:EnableKey": "a key is not switched off by a template",
    "kms:RetireGrant": "a registry with a key of its own",
    "lambda": "scaling of functions",
    "logs:AssociateKmsKey": "log groups with a key of their own",
    "logs:CreateLogDelivery": "log groups of the class DELIVERY; load balancers have it, see below",
    "logs:DeleteDataProtectionPolicy": "data protection",
    "logs:DeleteIndexPolicy": "index policies",
    "logs:DeleteResourcePolicy": "resource policies",
    "logs:DisassociateKmsKey": "log groups with a key of their own",
    "logs:Put": "other features of log groups",
    "s3:": "other features of buckets",
    "s3tables": "other features of buckets",
    "sns:PutDataProtectionPolicy": "data protection",
    "vpc-lattice": "endpoints of service networks",
    "vpce": "endpoints across regions",
}

# Reads of features that came after the permissions above; a type is made and changed without them.
READS_NOT_GIVEN = {
    "s3:GetBucketAbac": "access by tags",
    "s3:GetBucketMetadataTableConfiguration": "tables of metadata",
    "vpc-lattice:DescribeServiceNetworkVpcEndpointAssociation": "endpoints of service networks",
}

# What the schemas' delete handlers call, and nobody but a person may: these hold what cannot be made again.
NEVER_DELETED = {
    "cloudformation:DeactivateType": "nobody but a person turns the hook off",
    "codepipeline:DeletePipeline": "nothing that the pipeline deploys ends it",
    "ecr:DeleteRepository": "a task that starts needs its image",
}
