# SPDX-License-Identifier: Apache-2.0
"""A switch with links to raw sockets: frames in, frames out, and the oracle that says which."""
