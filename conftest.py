# SPDX-License-Identifier: Apache-2.0
"""For every test here: the run leaves the machine's network before the first of them."""

from hypothesis import settings

pytest_plugins = ("hectograph.testbed.pytest_plugin",)

# How long an example takes says more of what else the machine does than of the code.
settings.register_profile("hectograph", deadline=None)
settings.load_profile("hectograph")
