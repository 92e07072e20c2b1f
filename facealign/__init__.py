"""facealign: makes frontal photos of people from photos of any head pose."""
