"""The policies of roles and of resources, as the emulated AWS holds them now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pipeline.access.decide import Held, Principal, together
from pipeline.review.statements import Policy, policy

PARTITION = "aws"


@dataclass(frozen=True, kw_only=True)
class Role:
    """`trust` says who may take it on."""

    principal: Principal
    trust: Held


def role(arn: str) -> Role | None:
    """None: there is no such role."""
    from moto.iam.models import iam_backends

    account = _account(arn)
    backend = iam_backends[account][PARTITION] if account else None
    found = next((one for one in list(backend.roles.values()) if one.arn == arn), None) if backend else None
    if found is None or backend is None:
        return None
    attached = [policy(text) for text in list(found.policies.values())]
    attached += [_default(one) for one in list(found.managed_policies.values())]
    boundary = backend.managed_policies.get(found.permissions_boundary_arn) if found.permissions_boundary_arn else None
    return Role(
        principal=Principal(
            arn=arn,
            identity=together(attached),
            # A boundary that is gone allows nothing.
            boundary=(_default(boundary) if boundary else Policy()) if found.permissions_boundary_arn else None,
        ),
        trust=Held(policy=policy(found.assume_role_policy_document), account=account, decides=True),
    )


def _default(managed: Any) -> Policy:
    return policy(next(one.document for one in managed.versions if one.is_default))


def held(arn: str) -> Held | None:
    """The policy of a bucket, key, repository or topic; None where the kind of resource carries none, or this one has none."""
    reader = _READERS.get(arn.split(":")[2] if arn.startswith("arn:") else "")
    return reader(arn) if reader else None


def _bucket(arn: str) -> Held | None:
    from moto.s3.models import s3_backends

    name = arn.split(":::", 1)[1].split("/", 1)[0]
    found = s3_backends.bucket_accounts.get(name)
    if found is None:
        return None
    bucket = s3_backends[found[1]][found[0]].buckets.get(name)
    text = bucket.policy if bucket else None
    return Held(policy=policy(text.decode() if isinstance(text, bytes) else text), account=found[1])


def _key(arn: str) -> Held | None:
    from moto.kms.models import kms_backends

    _, _, _, region, account, name = arn.split(":", 5)
    found = kms_backends[account][region].keys.get(name.removeprefix("key/")) if region and account else None
    return Held(policy=policy(found.policy), account=account, decides=True) if found else None


def _repository(arn: str) -> Held | None:
    from moto.ecr.models import ecr_backends

    _, _, _, region, account, name = arn.split(":", 5)
    found = ecr_backends[account][region].repositories.get(name.removeprefix("repository/")) if region and account else None
    return Held(policy=policy(found.policy), account=account) if found else None


def _topic(arn: str) -> Held | None:
    from moto.sns.models import sns_backends

    _, _, _, region, account, _ = arn.split(":", 5)
    found: Any = sns_backends[account][region].topics.get(arn) if region and account else None
    return Held(policy=policy(found.policy), account=account) if found else None


_READERS: dict[str, Callable[[str], Held | None]] = {"s3": _bucket, "kms": _key, "ecr": _repository, "sns": _topic}


def bucket_key(bucket: str) -> str | None:
    """The ARN of the key with which the bucket encrypts what is put into it."""
    from moto.s3.models import s3_backends

    found = s3_backends.bucket_accounts.get(bucket)
    held_bucket = s3_backends[found[1]][found[0]].buckets.get(bucket) if found else None
    rules = (held_bucket.encryption or {}).get("Rule", {}) if held_bucket else {}
    default = rules.get("ApplyServerSideEncryptionByDefault", {}) if isinstance(rules, dict) else {}
    return default.get("KMSMasterKeyID") or None


def bucket_owner(bucket: str) -> str | None:
    from moto.s3.models import s3_backends

    found = s3_backends.bucket_accounts.get(bucket)
    return found[1] if found else None


def aliases(key: str) -> list[str]:
    """The names of a key, which are what a policy can tell where AWS makes up the key's id."""
    from moto.kms.models import kms_backends

    _, _, _, region, account, name = key.split(":", 5)
    found = kms_backends[account][region].keys.get(name.removeprefix("key/"))
    return sorted(found.aliases) if found else []


def group_tags(account: str, region: str, group: str) -> dict[str, str]:
    """Of a security group."""
    from moto.ec2.models import ec2_backends

    return dict(ec2_backends[account][region].tags.get(group, {}))


def _account(arn: str) -> str:
    parts = arn.split(":")
    return parts[4] if len(parts) > 4 else ""  # noqa: PLR2004 - arn:partition:service:region:account:rest
