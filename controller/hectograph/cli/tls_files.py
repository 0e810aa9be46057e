# SPDX-License-Identifier: Apache-2.0
"""--tls-ca, --tls-cert and --tls-key of those who connect to a switch."""

from pathlib import Path
from typing import Annotated

import typer

from hectograph.core.model import Tls
from hectograph.errors import InvalidInput

Ca = Annotated[
    Path | None,
    typer.Option(help="Connect over TLS, to a switch whose certificate this CA (PEM) signed."),
]
Certificate = Annotated[
    Path | None, typer.Option(help="What to show to a switch that wants a client's certificate.")
]
Key = Annotated[Path | None, typer.Option(help="The certificate's key.")]


def given(ca: Path | None, certificate: Path | None, key: Path | None) -> Tls | None:
    """None where TLS is not meant; InvalidInput where half of it is."""
    if (certificate is None) != (key is None):
        raise InvalidInput("a certificate and its key: both or neither", where="--tls-cert")
    if ca is None:
        if certificate is not None:
            raise InvalidInput("needs --tls-ca", where="--tls-cert")
        return None
    return Tls(str(ca.absolute()), _path(certificate), _path(key))


def _path(path: Path | None) -> str | None:
    return None if path is None else str(path.absolute())
