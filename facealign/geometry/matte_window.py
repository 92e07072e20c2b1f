"""The window in which the matte sees a person, and the wider one of its training photos.

Upright around the head, as `reader_window.around`, so that it says whose matte is wanted.
"""

SIZE = 128  # px: height and width of the window
WIDTH = 40.0  # cm of the head's middle plane that it shows: more than a portrait
STORED = 160  # px of a stored training photo, in which windows can move
STORED_WIDTH = 50.0  # cm
