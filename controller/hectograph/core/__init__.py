# SPDX-License-Identifier: Apache-2.0
"""What the operator wants, and the pure functions that turn it into switch state. No I/O."""
