"""What moto's ECR lacks: a signing configuration, and signatures. Each is a real one, by a key of the profile that never leaves the engine.

The envelope is a JWS as Notation writes it, but for the certificates: AWS Signer's key and authority are AWS's own, so nobody outside of
this engine can verify what it signs.
"""

# ruff: noqa: SLF001 -- a gap is mended where it is: inside moto

from __future__ import annotations

import base64
import fnmatch
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Patch = Callable[[Any, str, Any], None]

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
SIGNATURE_TYPE = "application/vnd.cncf.notary.signature"
ENVELOPE_TYPE = "application/jose+json"
PAYLOAD_TYPE = "application/vnd.cncf.notary.payload.v1+json"
SIGN = "signer:SignPayload"
# Half of a signature of P-384.
SIDE = 48


def apply(patch: Patch = setattr) -> None:
    images_are_signed(patch)


def images_are_signed(patch: Patch) -> None:
    """In moto 5.2.5: none of these operations, and nothing is signed."""
    from moto.core.exceptions import ServiceException
    from moto.core.responses import ActionResult
    from moto.ecr.responses import ECRResponse

    class NotConfiguredError(ServiceException):  # type: ignore[misc]  # moto is not followed by mypy here
        code = "SigningConfigurationNotFoundException"
        message = "The specified signing configuration was not found."

    def configured(self: Any) -> dict[str, Any]:
        found: dict[str, Any] | None = vars(self.ecr_backend).get("signing_configuration")
        if found is None:
            raise NotConfiguredError
        return found

    def put_signing_configuration(self: Any) -> ActionResult:
        self.ecr_backend.signing_configuration = self._get_param("signingConfiguration")
        return ActionResult({"signingConfiguration": configured(self)})

    def get_signing_configuration(self: Any) -> ActionResult:
        return ActionResult({"registryId": self.current_account, "signingConfiguration": configured(self)})

    def delete_signing_configuration(self: Any) -> ActionResult:
        answer = {"registryId": self.current_account, "signingConfiguration": configured(self)}
        del self.ecr_backend.signing_configuration
        return ActionResult(answer)

    original = ECRResponse.put_image

    def put_image(self: Any) -> Any:
        answer = original(self)
        _sign(self.ecr_backend, self._get_param("repositoryName"), self._get_param("imageManifest"), self.headers.get("Authorization", ""))
        return answer

    def describe_image_signing_status(self: Any) -> ActionResult:
        name, wanted = self._get_param("repositoryName"), self._get_param("imageId")
        repository = self.ecr_backend._get_repository(name, self._get_param("registryId"))
        image = repository._get_image(wanted.get("imageTag"), wanted.get("imageDigest"))
        states = [state for one in _profiles(self.ecr_backend, name) for state in _states(self.ecr_backend, repository, image, one)]
        return ActionResult({"repositoryName": name, "imageId": wanted, "registryId": repository.registry_id, "signingStatuses": states})

    for answer in (
        put_signing_configuration,
        get_signing_configuration,
        delete_signing_configuration,
        describe_image_signing_status,
        put_image,
    ):
        patch(ECRResponse, answer.__name__, answer)


def _profiles(backend: Any, repository: str) -> list[str]:
    rules = (vars(backend).get("signing_configuration") or {}).get("rules", [])
    return [
        rule["signingProfileArn"]
        for rule in rules
        if any(fnmatch.fnmatchcase(repository, one["filter"]) for one in rule.get("repositoryFilters") or [{"filter": "*"}])
    ]


def _sign(backend: Any, repository: str, manifest: str, authorization: str) -> None:
    """As whoever pushed (Amazon ECR, Managed signing)."""
    image = next(one for one in backend.repositories[repository].images if one.image_manifest == manifest)
    for profile in _profiles(backend, repository):
        if why := _refused(profile, authorization, backend.region_name):
            _refusals(backend)[repository, image.image_digest, profile] = why
        elif not any(_is_signature(one, image) and _verified(one, image, profile) for one in backend.repositories[repository].images):
            _refusals(backend).pop((repository, image.image_digest, profile), None)
            backend.put_image(repository, _signature(image, profile), None, MANIFEST_TYPE)


def _refused(profile: str, authorization: str, region: str) -> tuple[str, str] | None:
    """Code and reason."""
    from pipeline.access.decide import Request
    from pipeline.access.reference import context
    from pipeline.local import wire
    from pipeline.local.iam import authorize, sessions
    from pipeline.local.protocol import AwsError

    signed = wire.signature(authorization)
    pusher = sessions.find(signed.key_id) if signed else None
    if _key(profile) is None:
        return "ResourceNotFoundException", f"there is no active signing profile {profile}"
    try:
        if pusher:
            authorize.check(pusher, [Request(action=SIGN, resource=profile, context=context(region))], code="AccessDeniedException")
    except AwsError as refused:
        return refused.code, refused.message
    return None


def _states(backend: Any, repository: Any, image: Any, profile: str) -> Iterator[dict[str, str]]:
    """COMPLETE only where one of its signatures is the profile's; nothing of an image that was pushed before anything was signed."""
    refused = _refusals(backend).get((repository.name, image.image_digest, profile))
    signatures = [one for one in repository.images if _is_signature(one, image)]
    if any(_verified(one, image, profile) for one in signatures):
        yield {"signingProfileArn": profile, "status": "COMPLETE"}
    elif refused or signatures:
        code, reason = refused or ("InvalidSignature", "its signature is not one of the profile's key")
        yield {"signingProfileArn": profile, "status": "FAILED", "failureCode": code, "failureReason": reason}


def _refusals(backend: Any) -> dict[tuple[str, str, str], tuple[str, str]]:
    """By repository, image and profile."""
    found: dict[tuple[str, str, str], tuple[str, str]] = vars(backend).setdefault("signing_refusals", {})
    return found


def _signature(image: Any, profile: str) -> str:
    """The manifest of the artifact beside the image. It holds the envelope itself, since no layer is in this registry."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    protected = _encoded(_json({"alg": "ES384", "cty": PAYLOAD_TYPE, "kid": profile}))
    payload = _encoded(_json({"targetArtifact": _subject(image)}))
    key: Any = _key(profile)
    halves = decode_dss_signature(key.sign(f"{protected}.{payload}".encode(), ec.ECDSA(hashes.SHA384())))
    signature = _encoded(b"".join(half.to_bytes(SIDE, "big") for half in halves))
    envelope = _json({"payload": payload, "protected": protected, "signature": signature})
    empty = b"{}"
    return _json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "artifactType": SIGNATURE_TYPE,
            "config": _embedded("application/vnd.oci.empty.v1+json", empty),
            "layers": [_embedded(ENVELOPE_TYPE, envelope)],
            "subject": _subject(image),
        }
    ).decode()


def _is_signature(candidate: Any, image: Any) -> bool:
    manifest = json.loads(candidate.image_manifest)
    return bool(manifest.get("artifactType") == SIGNATURE_TYPE and manifest["subject"] == _subject(image))


def _verified(signature: Any, image: Any, profile: str) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    key, layer = _key(profile), json.loads(signature.image_manifest)["layers"][0]
    if key is None:
        return False
    envelope = json.loads(base64.b64decode(layer["data"]))
    raw = _decoded(envelope["signature"])
    halves = encode_dss_signature(int.from_bytes(raw[:SIDE], "big"), int.from_bytes(raw[SIDE:], "big"))
    try:
        key.public_key().verify(halves, f"{envelope['protected']}.{envelope['payload']}".encode(), ec.ECDSA(hashes.SHA384()))
    except InvalidSignature:
        return False
    return bool(json.loads(_decoded(envelope["payload"])) == {"targetArtifact": _subject(image)})


def _key(profile: str) -> Any:
    """The profile's own, made when it first signs and kept with it; None: there is no such profile, or it was canceled."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from moto.signer.models import signer_backends

    _, _, _, region, account, rest = profile.split(":", 5)
    found = signer_backends[account][region].signing_profiles.get(rest.rpartition("/")[2])
    if found is None or found.status != "Active":
        return None
    if "engine_key" not in vars(found):
        made = ec.generate_private_key(ec.SECP384R1())
        found.engine_key = made.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
    return serialization.load_pem_private_key(found.engine_key.encode(), password=None)


def _subject(image: Any) -> dict[str, Any]:
    return {"mediaType": image.image_manifest_media_type, "digest": image.image_digest, "size": len(image.image_manifest.encode())}


def _embedded(kind: str, content: bytes) -> dict[str, Any]:
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    return {"mediaType": kind, "digest": digest, "size": len(content), "data": base64.b64encode(content).decode()}


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
