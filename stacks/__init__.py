"""Desired state as pure functions: configuration in, CloudFormation templates out. No AWS calls, no clock, no printing."""
