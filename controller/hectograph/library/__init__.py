# SPDX-License-Identifier: Apache-2.0
"""How a content's bytes come to be known: read where they are, or fetched into the store.

The store is a folder of files that are named by their SHA-256 and never change.
"""

from hectograph.library.fetching import fetch, origin_of
from hectograph.library.reading import measure
from hectograph.library.roots import Roots
from hectograph.library.store import sweep
from hectograph.library.version import MAX_BYTES, is_another, is_same

__all__ = ["MAX_BYTES", "Roots", "fetch", "is_another", "is_same", "measure", "origin_of", "sweep"]
