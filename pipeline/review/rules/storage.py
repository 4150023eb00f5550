"""What holds data or images: log groups, buckets, keys, the registry. Its lifecycle rules are in pipeline/review/image_expiry.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pipeline.review import image_expiry
from pipeline.review.model import Change, Comparison, Finding, Verdict
from pipeline.review.read import both_sides, mapping, mappings
from pipeline.review.read import text as spelled
from pipeline.review.rules.rule import Rule, about

Properties = Mapping[str, Any]
LOG_GROUP, BUCKET, KEY, REPOSITORY = "AWS::Logs::LogGroup", "AWS::S3::Bucket", "AWS::KMS::Key", "AWS::ECR::Repository"
FOREVER = 10**9
# What a lifecycle rule of a bucket deletes, and the properties that say after how many days.
EXPIRIES: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...] = (
    ("objects", (("ExpirationInDays",),)),
    ("earlier versions", (("NoncurrentVersionExpirationInDays",), ("NoncurrentVersionExpiration", "NoncurrentDays"))),
)
FIXED_OF_A_KEY = ("KeySpec", "KeyUsage", "MultiRegion", "Origin")


def log_group_removed(comparison: Comparison) -> Iterator[Finding]:
    """A log group goes, or goes on under another name."""
    for change, before, after in _changed(comparison, LOG_GROUP):
        name = _name(before, "LogGroupName", change)
        if change.action == "remove":
            kept = f"log group {name} stays behind with its lines; nothing manages it, and AWS refuses to create one of that name beside it"
            yield _risky("log-group-removed", change, kept if change.retained else f"log group {name} is deleted with every line in it")
        elif change.replaces and not change.renamed_from:
            rest = "stay in the old one" if change.retained else "are deleted"
            yield _risky(
                "log-group-removed", change, f"logs go to {_name(after, 'LogGroupName', change)} from now on; the lines in {name} {rest}"
            )


def log_retention(comparison: Comparison) -> Iterator[Finding]:
    """Logs or objects are deleted earlier than before."""
    for change, before, after in _changed(comparison, LOG_GROUP):
        days = _days(after.get("RetentionInDays"))
        if change.action == "modify" and days is not None and days < (_days(before.get("RetentionInDays")) or FOREVER):
            yield _risky(
                "log-retention", change, f"AWS deletes the lines in {_name(after, 'LogGroupName', change)} that are older than {days} days"
            )
    for change, before, after in _changed(comparison, BUCKET):
        for what, paths in EXPIRIES if change.action == "modify" else ():
            known = _expiries(before, paths)
            for prefix, days in sorted(_expiries(after, paths).items()):
                if days < min((known[one] for one in known if prefix.startswith(one)), default=FOREVER):
                    where = f" below {prefix}" if prefix else ""
                    yield _risky("log-retention", change, f"S3 deletes {what}{where} in {change.logical_id} after {days} days")


def bucket_removed(comparison: Comparison) -> Iterator[Finding]:
    """A bucket goes out of its stack."""
    for change, _, _ in _changed(comparison, BUCKET):
        if change.action == "remove":
            kept = f"bucket {change.logical_id} stays behind with its objects; nothing manages it"
            gone = f"bucket {change.logical_id} is to be deleted, which AWS refuses while it holds an object"
            yield _risky("bucket-removed", change, kept if change.retained else gone)


def versioning_off(comparison: Comparison) -> Iterator[Finding]:
    """A bucket keeps no earlier versions any more."""
    for change, before, after in _changed(comparison, BUCKET):
        states = [mapping(side.get("VersioningConfiguration")).get("Status") for side in (before, after)]
        if change.action == "modify" and states[0] == "Enabled" and states[1] != "Enabled":
            yield _risky("versioning-off", change, f"what is overwritten or deleted in {change.logical_id} can no longer be brought back")


def encryption_removed(comparison: Comparison) -> Iterator[Finding]:
    """Data is no longer encrypted with a key of its own."""
    for change in comparison.changes:
        read = KEYS_OF.get(change.type)
        if read and change.action == "modify":
            before, after = both_sides(comparison, change)
            if read(before) and not read(after):
                text = f"{change.logical_id} is no longer encrypted with {spelled(read(before))}, whose policy protects it no more"
                yield _risky("encryption-removed", change, text)


def key_removed(comparison: Comparison) -> Iterator[Finding]:
    """A key goes, or cannot be used."""
    for change, before, after in _changed(comparison, KEY):
        if change.action == "remove" and change.retained:
            yield _risky("key-removed", change, f"key {change.logical_id} stays behind; nothing manages it, and it stays on the bill")
        elif change.action == "remove":
            window = _days(before.get("PendingWindowInDays")) or 30
            gone = (
                f"key {change.logical_id} can be used no more, and is deleted after {window} days: what it encrypted is then lost for good"
            )
            yield _risky("key-removed", change, gone, "aws kms cancel-key-deletion, within these days")
        elif _says(after.get("Enabled"), "false") and not _says(before.get("Enabled"), "false"):
            yield _risky(
                "key-removed", change, f"key {change.logical_id} is switched off: what it encrypted can be neither read nor written"
            )


def key_fixed(comparison: Comparison) -> Iterator[Finding]:
    """A property of a key changes that AWS never changes."""
    for change in comparison.of_type(KEY):
        fixed = [one.path for one in change.properties if one.top in FIXED_OF_A_KEY]
        if change.action == "modify" and fixed and not change.renamed_from:
            yield _finding(
                "key-fixed",
                "blocked",
                change,
                f"{change.logical_id}: AWS refuses to change {', '.join(fixed)} of a key that exists",
                "make another key beside it",
            )


def key_rotation_off(comparison: Comparison) -> Iterator[Finding]:
    """A key is not rotated any more."""
    for change, before, after in _changed(comparison, KEY):
        if (
            change.action == "modify"
            and _says(before.get("EnableKeyRotation"), "true")
            and not _says(after.get("EnableKeyRotation"), "true")
        ):
            yield _risky("key-rotation-off", change, f"AWS renews the material of key {change.logical_id} no more")


def registry_removed(comparison: Comparison) -> Iterator[Finding]:
    """The repository from which tasks pull goes."""
    for change, before, _ in _changed(comparison, REPOSITORY):
        if change.action == "remove" and change.retained:
            name = _name(before, "RepositoryName", change)
            text = (
                f"repository {name} stays behind with its images; nothing manages it, and AWS refuses to create one of that name beside it"
            )
            yield _risky("registry-removed", change, text)
        elif change.action == "remove":
            how = (
                "is deleted with every image" if _says(before.get("EmptyOnDelete"), "true") else "cannot be deleted while it holds an image"
            )
            name = _name(before, "RepositoryName", change)
            yield _finding("registry-removed", "blocked", change, f"repository {name} {how}, and no task can start without its image")


def registry_replaced(comparison: Comparison) -> Iterator[Finding]:
    """Another, empty repository takes the place of the one from which tasks pull."""
    for change, before, after in _changed(comparison, REPOSITORY):
        old, new = _name(before, "RepositoryName", change), _name(after, "RepositoryName", change)
        if change.update == "replacement" and not change.renamed_from and old != new:
            rest = "stay in the old one" if change.retained else "are lost, or the old one cannot be deleted"
            yield _finding(
                "registry-replaced",
                "risky" if change.retained else "blocked",
                change,
                f"repository {new} begins empty; the images of {old} {rest}, so no task can pull what is deployed from the new one",
                "copy the images first; or keep the name and the encryption",
            )


def image_could_expire(comparison: Comparison) -> Iterator[Finding]:
    """A lifecycle rule of the repository can take an image that is deployed."""
    for change, before, after in _changed(comparison, REPOSITORY):
        known = list(image_expiry.dangerous(before))
        for one in image_expiry.dangerous(after):
            if change.action == "modify" and one not in known:
                yield _risky(
                    "image-could-expire",
                    change,
                    f"{one}: that can be the image which is deployed, and no task could start from then on",
                    "let lifecycle rules select untagged images only",
                )


def image_tags_mutable(comparison: Comparison) -> Iterator[Finding]:
    """A tag can be moved to another image."""
    for change, before, after in _changed(comparison, REPOSITORY):
        if change.action == "modify" and _tags_fixed(before) > _tags_fixed(after):
            loses = " the image that loses it is untagged, so a lifecycle rule can delete it while it is deployed"
            text = f"a tag of {_name(after, 'RepositoryName', change)} can be moved to another image;"
            yield _risky("image-tags-mutable", change, text + loses)


def _changed(comparison: Comparison, type_name: str) -> Iterator[tuple[Change, Properties, Properties]]:
    """Changes of what is there before, with the properties on both sides."""
    for change in comparison.of_type(type_name):
        if change.action != "add" and not any(one.path == "Type" for one in change.attributes):
            yield change, *both_sides(comparison, change)


def _name(found: Properties, key: str, change: Change) -> str:
    return spelled(found[key]) if key in found else change.logical_id


def _finding(rule: str, verdict: Verdict, change: Change, text: str, mend: str = "") -> Finding:
    return about(change, rule, verdict, text, mend, topic="data")


def _risky(rule: str, change: Change, text: str, mend: str = "") -> Finding:
    return _finding(rule, "risky", change, text, mend)


def _says(value: Any, wanted: str) -> bool:
    """CloudFormation takes a boolean as text, too."""
    return spelled(value).lower() == wanted


def _days(value: Any) -> int | None:
    """None where there is no number, or where only AWS knows it."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _expiries(bucket: Properties, paths: tuple[tuple[str, ...], ...]) -> dict[str, int]:
    """Prefix -> days, for every enabled rule that deletes."""
    found: dict[str, int] = {}
    for rule in mappings(mapping(bucket.get("LifecycleConfiguration")).get("Rules")):
        for path in paths:
            value: Any = rule
            for part in path:
                value = mapping(value).get(part)
            days, prefix = _days(value), rule.get("Prefix", "")
            if rule.get("Status") == "Enabled" and days is not None and isinstance(prefix, str):
                found[prefix] = min(days, found.get(prefix, FOREVER))
    return found


def _bucket_key(bucket: Properties) -> Any:
    """S3 encrypts everything with a key of its own, so only another key is one that can be missed."""
    rules = mappings(mapping(bucket.get("BucketEncryption")).get("ServerSideEncryptionConfiguration"))
    defaults = [mapping(rule.get("ServerSideEncryptionByDefault")) for rule in rules]
    return next((one.get("KMSMasterKeyID") or "aws/s3" for one in defaults if str(one.get("SSEAlgorithm", "")).startswith("aws:kms")), None)


def _repository_key(repository: Properties) -> Any:
    found = mapping(repository.get("EncryptionConfiguration"))
    return found.get("KmsKey") or "aws/ecr" if str(found.get("EncryptionType", "")).startswith("KMS") else None


def _artifact_key(pipeline: Properties) -> Any:
    """Of the pipeline's own region, which is the first where there are several."""
    stores = [mapping(one.get("ArtifactStore")) for one in mappings(pipeline.get("ArtifactStores"))]
    return mapping((stores or [mapping(pipeline.get("ArtifactStore"))])[0].get("EncryptionKey")).get("Id")


# How to read from its properties with which key a resource is encrypted.
KEYS_OF: dict[str, Callable[[Properties], Any]] = {
    BUCKET: _bucket_key,
    REPOSITORY: _repository_key,
    LOG_GROUP: lambda found: found.get("KmsKeyId"),
    "AWS::SNS::Topic": lambda found: found.get("KmsMasterKeyId"),
    "AWS::CodeBuild::Project": lambda found: found.get("EncryptionKey"),
    "AWS::CodePipeline::Pipeline": _artifact_key,
}


def _tags_fixed(repository: Properties) -> int:
    """More is stricter. Without the property tags can be moved."""
    return {"IMMUTABLE": 3, "IMMUTABLE_WITH_EXCLUSION": 2, "MUTABLE_WITH_EXCLUSION": 1}.get(
        spelled(repository.get("ImageTagMutability")), 0
    )


RULES: tuple[Rule, ...] = (
    Rule(
        "log-group-removed",
        log_group_removed,
        "CloudFormation user guide, DeletionPolicy attribute; CreateLogGroup: ResourceAlreadyExistsException",
    ),
    Rule("log-retention", log_retention, "CloudWatch Logs API reference, PutRetentionPolicy; S3 user guide, Expiring objects"),
    Rule("bucket-removed", bucket_removed, "S3 API reference, DeleteBucket: all objects must be deleted before the bucket"),
    Rule("versioning-off", versioning_off, "S3 user guide, Using versioning in S3 buckets"),
    Rule("encryption-removed", encryption_removed, "KMS developer guide, Key policies; S3 user guide, Default encryption"),
    Rule("key-removed", key_removed, "KMS developer guide, Deleting keys; AWS::KMS::Key, PendingWindowInDays"),
    Rule("key-fixed", key_fixed, "AWS::KMS::Key: a change of KeySpec, KeyUsage, MultiRegion or Origin fails the update"),
    Rule("key-rotation-off", key_rotation_off, "KMS developer guide, Rotating keys"),
    Rule("registry-removed", registry_removed, "ECR API reference, DeleteRepository: RepositoryNotEmptyException"),
    Rule("registry-replaced", registry_replaced, "AWS::ECR::Repository: RepositoryName and EncryptionConfiguration are create-only"),
    Rule("image-could-expire", image_could_expire, "ECR user guide, Lifecycle policy properties; archived images cannot be pulled"),
    Rule("image-tags-mutable", image_tags_mutable, "ECR user guide, Preventing image tags from being overwritten"),
)
