"""The source action: the pushed commit from the local Git remote, as CodeConnections would hand it over."""

from __future__ import annotations

from pipeline.local import connections, remote
from pipeline.local.codepipeline import acting, artifacts, records
from pipeline.local.codepipeline.action import Action, ActionFailedError, Result, known_keys

KEYS = frozenset({"ConnectionArn", "FullRepositoryId", "BranchName", "OutputArtifactFormat", "DetectChanges"})


def checkout(action: Action) -> Result:
    known_keys(action, KEYS, frozenset({"ConnectionArn", "FullRepositoryId", "BranchName"}))
    configuration = action.configuration
    if configuration.get("OutputArtifactFormat", "CODE_ZIP") != "CODE_ZIP":
        raise ActionFailedError(
            f"OutputArtifactFormat {configuration['OutputArtifactFormat']} is not supported by the local engine", code="ConfigurationError"
        )
    arn = configuration["ConnectionArn"]
    _allowed(action, arn)
    connection = connections.find(action.world, arn)
    if connection is None:
        raise ActionFailedError(f"the connection {arn} does not exist", code="ConfigurationError")
    if connection["ConnectionStatus"] != "AVAILABLE":
        raise ActionFailedError(
            f"the connection {connection['ConnectionName']} is {connection['ConnectionStatus']}; complete it in the console",
            code="PermissionError",
        )
    branch = configuration["BranchName"]
    wanted = action.execution()["revisions"].get(action.name)
    commit = remote.commit(action.world.home, wanted or f"refs/heads/{branch}")
    if commit is None:
        raise ActionFailedError(
            f"the local remote has no {wanted or 'branch ' + branch}; push it: git push local {branch}", code="ConfigurationError"
        )
    with records.changing(action.world, records.EXECUTION, action.execution_id) as execution:
        execution["sources"][action.name] = {
            "revisionId": commit.id,
            "revisionSummary": commit.message,
            "revisionUrl": f"file://{remote.path(action.world.home)}",
            "artifact": action.output_names[0],
        }
    archive = remote.archive(action.world.home, commit.id)
    variables = {
        "AuthorDate": commit.date,
        "AuthorDisplayName": commit.author,
        "AuthorEmail": commit.email,
        "BranchName": branch,
        "CommitId": commit.id,
        "CommitMessage": commit.message,
        "ConnectionArn": arn,
        "FullRepositoryName": configuration["FullRepositoryId"],
    }
    return Result(
        artifacts={action.output_names[0]: archive},
        variables=variables,
        external_id=commit.id,
        summary=f"{commit.id[:10]} {commit.message}",
    )


def _allowed(action: Action, connection: str) -> None:
    """Both names of the connection's action, and what CodePipeline looks at before it uploads with an ACL (aws/aws-cdk#13557)."""
    bucket = f"arn:aws:s3:::{artifacts.buckets(action.pipeline, action.world.region)[action.region]}"
    acting.allowed(
        action.role,
        action.region,
        ("codeconnections:UseConnection", connection),
        ("codestar-connections:UseConnection", connection),
        *((f"s3:{name}", bucket) for name in ("GetBucketVersioning", "GetBucketAcl", "GetBucketLocation")),
        ("s3:PutObjectAcl", f"{bucket}/{action.pipeline['name']}/{action.output_names[0]}/{action.execution_id}.zip"),
    )
