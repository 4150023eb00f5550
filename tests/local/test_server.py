"""The engine's front and its process: who is the caller, errors as AWS writes them, one engine a folder, pushes through a real hook."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipeline.local import daemon, hook, push, remote
from pipeline.local import engine as engines
from pipeline.local.world import make_client

pytestmark = pytest.mark.local


def test_the_access_key_id_chooses_the_account(engine: Any) -> None:
    def account(key: str) -> str:
        found: str = make_client(engine.world.endpoint, "sts", key, "ap-northeast-1").get_caller_identity()["Account"]
        return found

    assert account("444455556666") == "444455556666"
    # Any other key is one of the pipeline's account.
    assert account("AKIAIOSFODNN7EXAMPLE") == engine.world.account  # pragma: allowlist secret


def test_a_role_of_another_account_acts_there(engine: Any) -> None:
    other = engine.world.client("iam", account="444455556666")
    other.create_role(RoleName="read", AssumeRolePolicyDocument="{}")
    connect = {"Effect": "Allow", "Action": "codeconnections:CreateConnection", "Resource": "*"}
    other.put_role_policy(RoleName="read", PolicyName="connect", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": connect}))
    keys = engine.client("sts").assume_role(RoleArn="arn:aws:iam::444455556666:role/read", RoleSessionName="test")["Credentials"]
    assumed = make_client(engine.world.endpoint, "sts", keys["AccessKeyId"], "ap-northeast-1")
    assert assumed.get_caller_identity()["Account"] == "444455556666"
    # Our own services see the same account as moto does.
    made = make_client(engine.world.endpoint, "codeconnections", keys["AccessKeyId"], "ap-northeast-1")
    arn = made.create_connection(ConnectionName="x", ProviderType="GitHub")["ConnectionArn"]
    assert arn.split(":")[4] == "444455556666"


def test_refusals_reach_the_caller_in_both_protocols(engine: Any) -> None:
    with pytest.raises(ClientError, match=r"\(ValidationError\).*does not exist"):
        engine.client("cloudformation").describe_stacks(StackName="nothing")
    with pytest.raises(engine.client("codeconnections").exceptions.ResourceNotFoundException):
        engine.client("codeconnections").get_connection(ConnectionArn="arn:aws:codeconnections:x:1:connection/y")
    with pytest.raises(ClientError, match="the local engine does not answer codeconnections:ListHosts"):
        engine.client("codeconnections").list_hosts()


def test_what_is_not_ours_goes_to_moto(engine: Any) -> None:
    created = engine.client("sns").create_topic(Name="x")["TopicArn"]
    # moto's state is of the process, which may have other topics.
    assert {"TopicArn": created} in engine.client("sns").list_topics()["Topics"]


def test_a_browser_opens_a_plan_and_no_other_object(engine: Any) -> None:
    s3 = engine.client("s3")
    s3.create_bucket(Bucket="artifacts", CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"})
    for key in ("plans/production/f.html", "plans/production/f.json", "source.html"):
        s3.put_object(Bucket="artifacts", Key=key, Body=b"<p>", ContentType="text/html; charset=utf-8")

    def opened(key: str) -> tuple[int, str, bytes]:
        try:
            with urllib.request.urlopen(f"{engine.world.endpoint}/artifacts/{key}", timeout=30) as answer:
                return answer.status, answer.headers["Content-Type"], answer.read()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, "", b""

    assert opened("plans/production/f.html") == (200, "text/html; charset=utf-8", b"<p>")
    assert [opened(key)[0] for key in ("plans/production/f.json", "source.html", "plans/production/g.html")] == [403, 403, 404]


def test_one_engine_a_folder_and_a_stale_pid_deceives_nobody(tmp_path: Path) -> None:
    (tmp_path / engines.PID).write_text("1\n")
    (tmp_path / engines.ENDPOINT).write_text("http://127.0.0.1:1\n")
    assert engines.endpoint(tmp_path) is None
    assert not engines.stop(tmp_path)
    held = daemon.lock(tmp_path)
    assert held
    assert daemon.lock(tmp_path) is None
    assert engines.held(tmp_path)
    held.close()
    assert not engines.held(tmp_path)


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    code = """
import sys, time
from pathlib import Path
from pipeline.local import daemon
held = daemon.lock(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""
    holder = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
    assert holder.stdout
    assert holder.stdout.readline() == b"held\n"
    assert engines.held(tmp_path)
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    assert not engines.held(tmp_path)


def test_a_push_without_an_engine_is_kept_and_says_what_to_run(checkout: Any, engine: Any) -> None:
    checkout.commit({"a": "1"})
    pushed = subprocess.run(
        ["git", "push", str(remote.path(engine.world.home)), "HEAD:refs/heads/topic"],
        cwd=checkout.path,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null"},
    )
    assert "the commit is in the local remote, but the engine does not answer" in pushed.stderr
    assert remote.commit(engine.world.home, "refs/heads/topic")


def test_a_push_that_starts_nothing_says_why(engine: Any, checkout: Any) -> None:
    commit = checkout.commit({"README.md": "x"})
    change = {"changes": [[remote.NOTHING, commit, "refs/heads/main"]]}
    assert list(push.received(engine.world, change)) == ["no pipeline is deployed yet; run: kotei local up"]
    assert list(push.received(engine.world, {"changes": [[remote.NOTHING, commit, "refs/tags/v1"]]})) == [
        "refs/tags/v1: no pipeline starts for it"
    ]


def test_the_hook_needs_nothing_but_the_standard_library() -> None:
    code = "import sys; import pipeline.local.hook; print([name for name in ('boto3', 'moto', 'pydantic', 'typer') if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(hook.__file__).parents[2])
    assert loaded.stdout == "[]\n"
