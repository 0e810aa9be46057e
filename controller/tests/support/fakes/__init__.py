# SPDX-License-Identifier: Apache-2.0
"""A switch and a pusher in memory, and desired objects to try them with."""
