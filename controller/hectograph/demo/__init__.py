# SPDX-License-Identifier: Apache-2.0
"""The demonstration: a whole network on one machine, and a file that reaches many receivers."""
