"""Photos as batches: prepared datasets, caches, sampling, augmentation, rotated pairs."""
