"""The types of resources about which several modules speak."""

from __future__ import annotations

BALANCER = "AWS::ElasticLoadBalancingV2::LoadBalancer"
LISTENER = "AWS::ElasticLoadBalancingV2::Listener"
TARGET_GROUP = "AWS::ElasticLoadBalancingV2::TargetGroup"
EIP = "AWS::EC2::EIP"
SUBNET = "AWS::EC2::Subnet"
SECURITY_GROUP = "AWS::EC2::SecurityGroup"
SERVICE = "AWS::ECS::Service"
TASK = "AWS::ECS::TaskDefinition"
SCALING = "AWS::ApplicationAutoScaling::ScalableTarget"
CERTIFICATE = "AWS::CertificateManager::Certificate"
