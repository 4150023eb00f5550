"""Signing profiles of AWS Signer, and the registry's rules of what they sign."""

from __future__ import annotations

import secrets

from pipeline.local.cloudformation.resources.handler import Handler, Made, Properties, Scope, names, tag_changes
from pipeline.local.cloudformation.resources.shape import params


def _create_profile(scope: Scope, properties: Properties) -> Made:
    client = scope.client("signer")
    # Names of profiles have no hyphen.
    wanted = {"profileName": f"{scope.name}_{secrets.token_hex(6)}", "tags": tag_changes({}, properties)[0]}
    if validity := properties.get("SignatureValidityPeriod"):
        wanted["signatureValidityPeriod"] = {"type": validity["Type"], "value": int(validity["Value"])}
    made = client.put_signing_profile(platformId=properties["PlatformId"], **wanted)
    attributes = {"Arn": made["arn"], "ProfileName": wanted["profileName"]}
    return Made(
        id=made["arn"],
        attributes={**attributes, "ProfileVersion": made["profileVersion"], "ProfileVersionArn": made["profileVersionArn"]},
    )


def _tag_profile(scope: Scope, made: Made, old: Properties, new: Properties) -> Made:
    client = scope.client("signer")
    wanted, gone = tag_changes(old, new)
    if wanted:
        client.tag_resource(resourceArn=made.id, tags=wanted)
    if gone:
        client.untag_resource(resourceArn=made.id, tagKeys=gone)
    return made


def _cancel_profile(scope: Scope, made: Made, _: Properties) -> None:
    scope.client("signer").cancel_signing_profile(profileName=made.attributes["ProfileName"])


def _configure(scope: Scope, properties: Properties) -> Made:
    client = scope.client("ecr")
    client.put_signing_configuration(**params(client, "PutSigningConfiguration", {"signingConfiguration": properties}))
    return Made(id=scope.account, attributes={"RegistryId": scope.account})


def _configure_otherwise(scope: Scope, made: Made, _: Properties, new: Properties) -> Made:
    _configure(scope, new)
    return made


def _sign_no_more(scope: Scope, _made: Made, _: Properties) -> None:
    scope.client("ecr").delete_signing_configuration()


HANDLERS = {
    "AWS::Signer::SigningProfile": Handler(
        create=_create_profile,
        update=_tag_profile,
        delete=_cancel_profile,
        enforced=names("PlatformId Tags"),
        # No signature here gets old.
        recorded=names("SignatureValidityPeriod"),
        mutable=names("Tags"),
    ),
    "AWS::ECR::SigningConfiguration": Handler(
        create=_configure, update=_configure_otherwise, delete=_sign_no_more, enforced=names("Rules"), mutable=names("Rules")
    ),
}
