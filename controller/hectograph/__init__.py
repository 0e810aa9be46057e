# SPDX-License-Identifier: Apache-2.0
"""Hectograph: push once, deliver to many."""

__version__ = "0.1.0"
