# SPDX-License-Identifier: Apache-2.0
"""``python -m hectograph``: the same as the command."""

import sys

from hectograph.cli.main import main

sys.exit(main())
