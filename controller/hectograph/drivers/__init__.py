# SPDX-License-Identifier: Apache-2.0
"""How the controller talks to a switch: one small interface, one file for each protocol."""
