# SPDX-License-Identifier: Apache-2.0
"""The API's description: ``python -m hectograph.api.openapi > docs/openapi.json``."""

import json
import sys

from hectograph.api.app import create_app
from hectograph.config import Settings


def document() -> str:
    """As it is committed."""
    return (
        json.dumps(create_app(Settings.model_construct()).openapi(), indent=2, ensure_ascii=False)
        + "\n"
    )


if __name__ == "__main__":
    sys.stdout.write(document())
