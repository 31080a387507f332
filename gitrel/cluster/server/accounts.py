"""serviceaccounts/token and TokenReview: the server's part in what tokens say."""

from __future__ import annotations

from gitrel.cluster.api import accounts, errors, schema
from gitrel.cluster.api.handler import Handler, Request
from gitrel.cluster.kinds.reviews import TOKEN_REQUEST
from gitrel.cluster.server import reading, writing
from gitrel.cluster.server.call import Call
from gitrel.cluster.server.identity import Authenticator
from gitrel.kube.identity import Object

REVIEWS = "tokenreviews.authentication.k8s.io"


async def request_token(call: Call) -> None:
    """A token for the account of the path, as `kubectl create token` asks for it."""
    options = call.write_options()
    sent = writing.placed(call, await call.value(options), call.target.name)
    kind = TOKEN_REQUEST
    sent |= {"apiVersion": kind.api_version, "kind": kind.kind}
    asked = kind.default(schema.decoded(kind, sent, options.field_validation, call.exchange.warnings.append))
    if problems := list(kind.validate(asked)):
        raise errors.invalid(kind.kind, "authentication.k8s.io", call.target.name, problems)
    account = reading.existing(call)
    known = call.authenticator.accounts
    if known is None:
        raise errors.not_allowed(accounts.RESOURCE, "create")
    call.engine.before_write()
    told = accounts.claims(call.store, account, asked, call.cluster.now, call.cluster.handler.new_uid())
    metadata = {key: asked["metadata"][key] for key in ("name", "namespace")}
    metadata["creationTimestamp"] = call.cluster.handler.timestamp()
    answer = accounts.answered({**asked, "metadata": metadata}, known.signer.token(told), told)
    await call.exchange.answer(201, answer, call.form().media)


def answer_reviews(handler: Handler, authenticator: Authenticator) -> None:
    """Lets TokenReviews be answered by whoever lets users in."""

    def reviewed(question: Object, request: Request) -> Object:
        spec = question["spec"]
        audiences = spec.get("audiences") or accounts.AUDIENCES
        user = authenticator.bearer(spec["token"], audiences)
        if user is None:
            says = "[invalid bearer token, token lookup failed]"
            return {**question, "status": {"authenticated": False, "user": {}, "error": says}}
        status = {"authenticated": True, "user": user.info(), "audiences": list(audiences)}
        return {**question, "status": status}

    handler.answers[REVIEWS] = reviewed
