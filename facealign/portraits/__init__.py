"""Makes frontal portraits of photos: from Python, for a folder, in a browser, or exported."""
