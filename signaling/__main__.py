"""``python -m signaling`` is ``tarjuman``."""

from signaling.cli import main

main()
