"""Every rule of the pipeline's file and between the files, and what several broken files say at once."""
# ruff: noqa: E501 - each sentence is compared whole, and stands on one line so that it can be searched for

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from stacks.environment import ConfigError
from stacks.project import load

FILE = "pipeline/pipeline.toml"
ENVIRONMENT = "stacks/environments/test.toml"
TODAY = date(2030, 1, 1)
Files = dict[str, dict[str, Any]]

ROWS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("missing", {"repository": None}, ["repository: is missing: Where the pipeline's source is"]),
    ("project", {"project": "a"}, ["project: 'a' is not a name: 2 to 14 of a-z, 0-9 and single '-', beginning with a letter"]),
    ("account", {"account": "1234"}, ["account: '1234' is not an AWS account id: 12 digits in quotes"]),
    (
        "region",
        {"region": "ap-northeast-3"},
        [
            "region: 'ap-northeast-3' has no CodePipeline source for Git connections; choose another region",
            (
                f"{ENVIRONMENT}: pipeline_region: is missing: this environment is in 'ap-northeast-1' and the pipeline in 'ap-northeast-3'; "
                'write pipeline_region = "ap-northeast-3"'
            ),
        ],
    ),
    ("no env", {"environments": []}, ["environments: [] is empty; at least 1 is needed"]),
    (
        "unknown env",
        {"environments": ["test", "prod"]},
        ["environments[1]: 'prod' has no file; write stacks/environments/prod.toml or remove the name"],
    ),
    ("twice", {"environments": ["test", "test"]}, ["environments[1]: 'test' is listed twice; remove one"]),
    (
        "hyphen",
        {"environments": ["test", "te-st"]},
        [
            "environments[1]: 'te-st' and 'test' differ only by '-'; choose another name for one",
            "environments[1]: 'te-st' has no file; write stacks/environments/te-st.toml or remove the name",
        ],
    ),
    (
        "beginning",
        {"environments": ["test", "test-eu"]},
        [
            "environments[0]: 'test-eu' begins with 'test-', so 'test' could reach what is its; choose another name for one",
            "environments[1]: 'test-eu' has no file; write stacks/environments/test-eu.toml or remove the name",
        ],
    ),
    (
        "unlisted",
        {"environments": ["other"]},
        [
            "environments[0]: 'other' has no file; write stacks/environments/other.toml or remove the name",
            "environments: does not list stacks/environments/test.toml; add 'test' at its place in the order, or remove the file",
        ],
    ),
    (
        "env form",
        {"environments": ["../test"]},
        ["environments[0]: '../test' is not a name: 2 to 14 of a-z, 0-9 and single '-', beginning with a letter"],
    ),
    ("repo", {"repository.name": "demo"}, ["repository.name: 'demo' is not a repository, written owner/name as the Git host spells it"]),
    ("branch", {"repository.branch": "a..b"}, ["repository.branch: 'a..b' is not a branch, like 'main' or 'release/1'"]),
    (
        "provider",
        {"repository.provider": "Gitea"},
        ["repository.provider: 'Gitea' is not allowed; choose 'GitHub', 'GitLab' or 'Bitbucket'"],
    ),
    (
        "patterns",
        {"repository.ignore_paths": [f"{number}/**" for number in range(9)]},
        [
            "repository.ignore_paths: ['0/**', '1/**', '2/**', '3/**', '4/**', '5/**', '6/**', '7/**', '8/**'] has 9 entries; at most 8 are allowed"
        ],
    ),
    (
        "all",
        {"repository.ignore_paths": ["**/*"]},
        ["repository.ignore_paths[0]: '**/*' is every file, so no push would start a deployment"],
    ),
    (
        "image",
        {"build_image": "aws/codebuild/standard:7.0"},
        [
            "build_image: 'aws/codebuild/standard:7.0' is not an ARM image of CodeBuild, like 'aws/codebuild/amazonlinux-aarch64-standard:3.0'"
        ],
    ),
    (
        "severity",
        {"scan_fail_severity": "critical"},
        ["scan_fail_severity: 'critical' is not allowed; choose 'CRITICAL', 'HIGH', 'MEDIUM' or 'LOW'"],
    ),
    ("timeout", {"approval_timeout_minutes": 4}, ["approval_timeout_minutes: 4 is too small; at least 5"]),
    ("timeout2", {"approval_timeout_minutes": 86401}, ["approval_timeout_minutes: 86401 is too big; at most 86400"]),
    ("email", {"approvers_email": "x"}, ["approvers_email: 'x' is not an e-mail address, like 'team@example.com'"]),
]


def problems(root: Path) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        load(root, today=TODAY)
    return list(raised.value.problems)


@pytest.mark.parametrize(("edits", "expected"), [pytest.param(edits, expected, id=name) for name, edits, expected in ROWS])
def test_says_what_is_wrong_and_what_would_be_right(
    edits: dict[str, Any],
    expected: list[str],
    valid: Callable[[], Files],
    change: Callable[..., None],
    checkout: Callable[[Files], Path],
) -> None:
    files = valid()
    change(files[FILE], edits)
    assert problems(checkout(files)) == [text if text.startswith(ENVIRONMENT) else f"{FILE}: {text}" for text in expected]


def test_two_environments_cannot_share_an_address(
    valid: Callable[[], Files], change: Callable[..., None], checkout: Callable[[Files], Path]
) -> None:
    files = valid()
    change(files[ENVIRONMENT], {"addresses.adopt": {"a": "eipalloc-0123456789abcdef0", "c": "eipalloc-0123456789abcdef1"}})
    files["stacks/environments/zwei.toml"] = {**files[ENVIRONMENT], "name": "zwei"}
    files[FILE]["environments"] = ["zwei", "test"]
    text = f"an address of {ENVIRONMENT} already; an address serves one environment"
    assert problems(checkout(files)) == [
        f"stacks/environments/zwei.toml: addresses.adopt.a: 'eipalloc-0123456789abcdef0' is {text}",
        f"stacks/environments/zwei.toml: addresses.adopt.c: 'eipalloc-0123456789abcdef1' is {text}",
    ]


def test_the_order_is_the_pipelines(valid: Callable[[], Files], checkout: Callable[[Files], Path]) -> None:
    files = valid()
    files["stacks/environments/alpha.toml"] = {**files[ENVIRONMENT], "name": "alpha"}
    files[FILE]["environments"] = ["test", "alpha"]
    assert [env.name for env in load(checkout(files), today=TODAY).environments] == ["test", "alpha"]


def test_all_problems_of_all_files_at_once(
    valid: Callable[[], Files], change: Callable[..., None], checkout: Callable[[Files], Path]
) -> None:
    files = valid()
    files["stacks/environments/other.toml"] = {**valid()[ENVIRONMENT], "name": "other", "approval": "maybe"}
    change(files[FILE], {"environments": ["test", "broken", "latin", "other"], "approval_timeout_minutes": "many"})
    change(
        files[ENVIRONMENT],
        {
            # Three values that are wrong by themselves ...
            "region": "tokyo",
            "sites.0.origin": "http://origin.example.net",
            "service.cpu_target_percent": 5,
            # ... do not hide what is wrong between the sound ones, in the same table and in others.
            "sites.0.paths.1.deny": False,
            "access.allow.1.cidr": "203.0.113.0/24",
            "network.create.zones.c": "10.2.1.0/24",
            "service.min_tasks": 5,
            "certificate.arn": "arn:aws:acm:ap-northeast-1:444455556666:certificate/00000000-1111-2222-3333-444444444444",
        },
    )
    root = checkout(files)
    (root / "stacks/environments/broken.toml").write_text('name = "broken"\nproject = demo\n', encoding="utf-8")
    (root / "stacks/environments/latin.toml").write_bytes(b'name = "caf\xe9"\n')
    assert problems(root) == [
        f"{FILE}: approval_timeout_minutes: 'many' is not a whole number (without quotes)",
        "stacks/environments/broken.toml: is not TOML: Invalid value (at line 2, column 11)",
        "stacks/environments/latin.toml: is not UTF-8 text (byte 11); save it as UTF-8",
        "stacks/environments/other.toml: approval: 'maybe' is not allowed; choose 'always', 'risky' or 'never'",
        f"{ENVIRONMENT}: region: 'tokyo' is not a region of the partition aws, like 'ap-northeast-1'",
        f"{ENVIRONMENT}: network.create.zones.c: '10.2.1.0/24' is not inside the VPC, network.create.cidr = '10.1.0.0/16'",
        f"{ENVIRONMENT}: access.allow[1].cidr: '203.0.113.0/24' overlaps access.allow[0]: '203.0.113.0/24' holds '203.0.113.0/28' already; remove one",
        f"{ENVIRONMENT}: service.cpu_target_percent: 5 is too small; at least 10",
        f"{ENVIRONMENT}: service.min_tasks: 5 is more than max_tasks = 4",
        f"{ENVIRONMENT}: sites[0].origin: 'http://origin.example.net' is not encrypted; an origin is reached by https, like 'https://origin.example.net'",
        f"{ENVIRONMENT}: sites[0].paths[1]: says nothing about its path; give it an origin, a rewrite, deny, an answer or a limit",
        f"{ENVIRONMENT}: certificate.arn: belongs to account 444455556666; a load balancer needs one of its own account, 111122223333",
    ]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"name = 'latin \xe9'", "is not UTF-8 text (byte 14); save it as UTF-8"),
        (b"name = test", "is not TOML: Invalid value (at line 1, column 8)"),
        (b"name = 'test'\nname = 'test'", "is not TOML: Cannot overwrite a value (at end of document)"),
        (b"name = " + b"[" * 5000, "is not TOML that can be read: brackets are nested too deeply"),
    ],
)
def test_a_file_that_is_not_toml(content: bytes, problem: str, valid: Callable[[], Files], checkout: Callable[[Files], Path]) -> None:
    root = checkout(valid())
    (root / ENVIRONMENT).write_bytes(content)
    assert problems(root) == [f"{ENVIRONMENT}: {problem}"]


def test_what_editors_leave_behind_is_no_environment(valid: Callable[[], Files], checkout: Callable[[Files], Path]) -> None:
    root = checkout(valid())
    (root / ENVIRONMENT).with_name(".#test.toml").write_text("half a line", encoding="utf-8")
    (root / ENVIRONMENT).write_bytes(b"\xef\xbb\xbf" + (root / ENVIRONMENT).read_bytes())
    assert load(root, today=TODAY).environments[0].name == "test"


def test_no_files_at_all(tmp_path: Path) -> None:
    assert problems(tmp_path) == [f"{FILE}: cannot be read: No such file or directory"]


def test_the_projects_own_files_are_valid() -> None:
    names = [env.name for env in load(Path(__file__).parents[2]).environments]
    assert names
    assert len(set(names)) == len(names)
