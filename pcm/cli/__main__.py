"""``python -m pcm.cli`` is ``pcm``."""

from pcm.cli import main

if __name__ == "__main__":
    main()
