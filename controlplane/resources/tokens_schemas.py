"""The passwords of a token, in its body and in the answer of generateCredentials. Names are ARM's."""

from __future__ import annotations

from controlplane.arm.fields import choice, model, moment, text
from controlplane.services.token_credentials import TokenPasswordName

PASSWORD = model(
    "TokenPassword",
    {
        "creationTime": moment(),
        "expiry": moment(),
        "name": choice(TokenPasswordName),
        "value": text(read_only=True),
    },
)
