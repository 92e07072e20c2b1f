"""facealign: photos of faces looking anywhere go in, frontal photos of the same people come out."""
