# SPDX-License-Identifier: Apache-2.0
"""For every test here: the run leaves the machine's network before the first of them."""

pytest_plugins = ("hectograph.testbed.pytest_plugin",)
