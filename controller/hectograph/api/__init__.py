# SPDX-License-Identifier: Apache-2.0
"""The REST API under /api/v1: desired state in, status out, problems as RFC 9457 has them."""
