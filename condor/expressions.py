"""ClassAd expressions that users write: whether they are any, before a job fails over them."""

from __future__ import annotations

from condor.glideins import Glideins
from pcm.errors import InputError


def check(glideins: Glideins) -> None:
    """Raises InputError, naming the field; EngineError without the bindings."""
    fields = {
        "requirements": glideins.requirements,
        "rank": glideins.rank,
        "require_gpus": glideins.require_gpus,
    }
    fields |= {f"attributes: {name}": value for name, value in glideins.attributes.items()}
    for name, expression in fields.items():
        if expression and not _parses(expression):
            raise InputError(
                f"{expression!r} is no ClassAd expression",
                field=name,
                mend='text has quotes of its own, as in Machine == "gpu1.example.org"',
            )


def _parses(expression: str) -> bool:
    try:
        import classad2
    except ImportError as error:
        from condor.faults import translated

        raise translated(error, "checking the glideins") from error
    try:
        classad2.ExprTree(expression)
    except classad2.ClassAdException:
        return False
    return True
