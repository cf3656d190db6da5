"""The command line: one small module per verb. Heavy imports wait until a verb runs."""


def main() -> None:
    """The ``pcm`` command."""
    from pcm.cli.app import app

    app(prog_name="pcm")


__all__ = ["main"]
