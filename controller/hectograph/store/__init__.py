# SPDX-License-Identifier: Apache-2.0
"""The desired state on disk."""

from hectograph.store.database import Store

__all__ = ["Store"]
