# SPDX-License-Identifier: Apache-2.0
"""The pusher, seen from Python: where its program is, and a client of its host protocol."""

from hectograph.pusher.client import PusherClient
from hectograph.pusher.program import program_path

__all__ = ["PusherClient", "program_path"]
