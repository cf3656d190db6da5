"""Who may look at a run: the token, the address, and the note by which both are found.

Known to the manager, which listens before anybody serves, to the dashboard, which serves, and to
the command line, which tells a person where.
"""

from __future__ import annotations

from pcm.access.address import Address, bind
from pcm.access.note import DashboardNote
from pcm.access.token import session_of, token_of

__all__ = ["Address", "DashboardNote", "bind", "session_of", "token_of"]
