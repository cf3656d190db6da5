"""Which rank has which KV heads, where a compressed cache keeps unequal numbers of tokens per head.

Decode attention of a head takes time by the tokens that the head keeps, and every layer ends with a
sum over the ranks: the rank with the most tokens is waited for. So heads are dealt by what they
keep, and a few are *copied*: several ranks have them, each for its part of a batch's rows. A head
here is a KV head with the query heads that read it (grouped-query attention).

Pure: numbers in, a plan out. ``docs/heads.md`` has the theory and the figures.
"""

from __future__ import annotations
