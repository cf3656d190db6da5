"""Run files: a whole run as one YAML file, checked before anything starts."""

from pcm.runfile.importing import UserCodeError
from pcm.runfile.plan import Plan, prepare
from pcm.runfile.reading import RunFileError, parse, read
from pcm.runfile.shape import RunFile

__all__ = ["Plan", "RunFile", "RunFileError", "UserCodeError", "parse", "prepare", "read"]
