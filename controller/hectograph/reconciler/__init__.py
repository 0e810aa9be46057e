# SPDX-License-Identifier: Apache-2.0
"""The tasks that make switches and hosts agree with the desired state, from whatever they find."""
