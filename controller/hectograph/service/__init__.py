# SPDX-License-Identifier: Apache-2.0
"""What the REST API and the command line call."""

from hectograph.service.resources import Service

__all__ = ["Service"]
