"""The only importer of boto3: which AWS a command talks to, and one call at a time with its refusals in our words. Prints nothing."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    LoginError,
    NoCredentialsError,
    ReadTimeoutError,
    SSOError,
)

from pipeline.errors import PipelineError

# Standard mode waits and tries again when AWS throttles or a connection breaks.
ATTEMPTS = 5
CONFIG = Config(retries={"mode": "standard", "total_max_attempts": ATTEMPTS}, connect_timeout=5, read_timeout=60)
# As the services spell them: STS, EC2 and CloudFormation each have a code of their own.
EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired")
UNKNOWN_KEYS = ("InvalidClientTokenId", "UnrecognizedClientException", "AuthFailure", "InvalidAccessKeyId")
THROTTLED = ("Throttling", "ThrottlingException", "ThrottledException", "RequestLimitExceeded", "TooManyRequestsException", "SlowDown")
DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized")
_making = threading.RLock()
LOG_IN = "run: aws login, or aws sso login where you sign in with IAM Identity Center, then this command again"


class RefusedError(PipelineError):
    """AWS answered with an error. Caught where a code is an expected answer."""

    def __init__(self, message: str, *, code: str, detail: str) -> None:
        super().__init__(message)
        self.code = code
        self.detail = detail


class NoAwsError(PipelineError):
    """There is neither AWS nor an engine to talk to. Caught where the answer is known without."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """Which AWS. `endpoint` None is AWS itself; `why` says what decided.

    `reach` says how a person gets into another account: its id, and the ARN of a role or the name of a profile.
    """

    endpoint: str | None
    why: str
    reach: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def name(self) -> str:
        return "AWS" if self.endpoint is None else self.endpoint


@dataclass(frozen=True, kw_only=True)
class Aws:
    """Calls in one account and region. `role` is assumed first, for environments in other accounts."""

    target: Target
    account: str
    region: str
    role: str | None = None
    _clients: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        with _translated(self, service, operation):
            answer: dict[str, Any] = getattr(self._client(service), operation)(**parameters)
        return answer

    def pages(self, service: str, operation: str, key: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        """Every item under `key`, from page to page as it is asked for."""
        with _translated(self, service, operation):
            client = self._client(service)
            if client.can_paginate(operation):
                for page in client.get_paginator(operation).paginate(**parameters):
                    yield from page[key]
                return
            # boto3 does not know the pages of every operation that has some.
            more: dict[str, str] = {}
            while True:
                answer = getattr(client, operation)(**parameters, **more)
                yield from answer[key]
                if not answer.get("NextToken"):
                    return
                more = {"NextToken": answer["NextToken"]}

    def _client(self, service: str) -> Any:
        # boto3's sessions are not made for several threads; its clients are.
        with _making:
            if service not in self._clients:
                # The stubs name every service; here the name comes from the caller.
                make: Any = self._session.client
                self._clients[service] = make(service, endpoint_url=self.target.endpoint, config=CONFIG)
        return self._clients[service]

    def refuse_another_account(self) -> None:
        """Before anything is written: whose credentials these are."""
        found = self.call("sts", "get_caller_identity")
        if found["Account"] != self.account:
            raise PipelineError(
                f"these credentials are of account {found['Account']} ({found['Arn']}), and this is for account {self.account}: nothing "
                f"was changed; set AWS_PROFILE, or give --profile-in {self.account}=NAME or --role-in {self.account}=ROLE_ARN"
            )

    @cached_property
    def strangers(self) -> str:
        """Whose credentials these are, where they are of another account; empty where they are right, or nobody says so.

        Nobody needs a permission to ask. An emulated AWS is every account at once, and a role is one of its account.
        """
        if self.target.endpoint is not None or self.role:
            return ""
        try:
            found = self._client("sts").get_caller_identity()
        except (BotoCoreError, ClientError):
            return ""
        return "" if found["Account"] == self.account else f"of account {found['Account']} ({found['Arn']})"

    @cached_property
    def _session(self) -> boto3.Session:
        """One for all services: a role is taken on once."""
        # ARN: arn:aws:iam::<account>:role/<name>
        way = self.target.reach.get(self.role.split(":")[4] if self.role else self.account)
        if way and not way.startswith("arn:"):
            return boto3.Session(profile_name=way, region_name=self.region)
        session = _plain_session(self.target, self.account, self.region)
        role = way or self.role
        if role is None:
            return session
        with _translated(self, "sts", "assume_role"):
            sts = session.client("sts", endpoint_url=self.target.endpoint, config=CONFIG)
            keys = sts.assume_role(RoleArn=role, RoleSessionName="kotei")["Credentials"]
        return boto3.Session(
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
            region_name=self.region,
        )


@lru_cache(maxsize=1)
def target(root: Path) -> Target:
    """AWS_ENDPOINT_URL, else AWS where somebody set credentials, else the engine that runs in this checkout, else this machine's role."""
    if endpoint := os.environ.get("AWS_ENDPOINT_URL"):
        return Target(endpoint=endpoint, why="AWS_ENDPOINT_URL")
    if _credentials(machine_role=False):
        return Target(endpoint=None, why="credentials found")
    file = Path(os.environ.get("KOTEI_HOME") or root / ".kotei") / "endpoint"
    if file.is_file() and _answers(endpoint := file.read_text(encoding="utf-8").strip()):
        return Target(endpoint=endpoint, why="the local engine of this checkout")
    if _credentials(machine_role=True):
        return Target(endpoint=None, why="the role of this machine")
    raise NoAwsError(
        "no AWS to talk to: no AWS_ENDPOINT_URL, no AWS credentials, and no local engine runs in this checkout. "
        "For AWS run: aws login (or set AWS_PROFILE); for this computer run: make up"
    )


def _credentials(*, machine_role: bool) -> bool:
    """Asking for the role of an EC2 instance costs a second where there is none, so it comes last."""
    session = botocore.session.Session()
    try:
        provider = session.get_component("credential_provider")
        if not machine_role:
            provider.remove("iam-role")
        return provider.load_credentials() is not None
    except BotoCoreError as error:
        raise PipelineError(f"AWS credentials: {error}; run: aws login (or set AWS_PROFILE)") from error


def _answers(endpoint: str) -> bool:
    address = urlsplit(endpoint)
    try:
        socket.create_connection((address.hostname or "", address.port or 80), timeout=1).close()
    except OSError:
        return False
    return True


def _plain_session(target: Target, account: str, region: str) -> boto3.Session:
    session = boto3.Session(region_name=region)
    if target.endpoint is None or _credentials(machine_role=False):
        return session
    # An emulated AWS reads the account from the key id and never looks at the secret.
    return boto3.Session(aws_access_key_id=account, aws_secret_access_key="none", region_name=region)  # noqa: S106 - not a secret


@contextmanager
def _translated(aws: Aws, service: str, operation: str) -> Iterator[None]:
    where = f"{aws.target.name}: {service}.{operation} in {aws.region}"
    try:
        yield
    except ClientError as error:
        detail = error.response.get("Error", {})
        code, message = detail.get("Code", "Unknown"), detail.get("Message", str(error))
        if _elsewhere(code, message) and (whose := aws.strangers):
            raise PipelineError(
                f"{where}: {code}: these credentials are {whose}, and this is in account {aws.account}; set AWS_PROFILE"
            ) from error
        text = f"{where}: {code}: {message}{_mend(aws, code, message)}"
        raise RefusedError(text, code=code, detail=message) from error
    except EndpointConnectionError as error:
        mend = "run: aws sts get-caller-identity" if aws.target.endpoint is None else "start it with: make up"
        raise PipelineError(f"{where}: nobody answers at {error.kwargs.get('endpoint_url', aws.target.name)}; {mend}") from error
    except (ConnectTimeoutError, ReadTimeoutError, ConnectionClosedError) as error:
        raise PipelineError(f"{where}: no answer, after {ATTEMPTS} attempts ({error}). Nothing is lost: run this command again") from error
    except (SSOError, LoginError, CredentialRetrievalError) as error:
        raise PipelineError(f"{where}: the credentials have expired or cannot be read ({error}); {LOG_IN}") from error
    except NoCredentialsError as error:
        raise PipelineError(f"{where}: no credentials; run: aws login (or set AWS_PROFILE)") from error
    except BotoCoreError as error:
        raise PipelineError(f"{where}: {error}") from error


def _elsewhere(code: str, message: str) -> bool:
    """Whether it is what another account than the right one answers, too."""
    return code in (*DENIED, "NoSuchBucket") or code.endswith("NotFoundException") or "does not exist" in message


def _mend(aws: Aws, code: str, message: str) -> str:
    """What to do about it, where the answer alone tells."""
    if "cannot be assumed" in message:
        # CloudFormation's "Role ... is invalid or cannot be assumed".
        return ". Where its stack is gone, that role is made anew by: kotei bootstrap"
    if code in EXPIRED:
        return f". The credentials have expired; {LOG_IN}"
    if code in UNKNOWN_KEYS:
        return f". AWS does not know these credentials; {LOG_IN}"
    if code in THROTTLED:
        return f". AWS refused {ATTEMPTS} attempts because there are too many calls; nothing is lost: run this command again in a minute"
    if code in DENIED:
        return f". Whose credentials these are: aws sts get-caller-identity; this needs account {aws.account}"
    return ""
