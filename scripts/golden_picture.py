"""Pictures from a formula, the same here and in tests/system/picture.h."""
import numpy as np


def picture(seed, width, height):
    y, x, c = np.meshgrid(np.arange(height, dtype=np.uint64), np.arange(width, dtype=np.uint64),
                          np.arange(3, dtype=np.uint64), indexing="ij")
    if seed % 2:
        return ((x * (3 + seed % 5) + y * 2 + 85 * c + seed) & 255).astype(np.uint8)
    m = np.uint64(0xFFFFFFFF)
    h = (x * 2654435761 + y * 2246822519 + c * 3266489917 + np.uint64(seed * 668265263 & 0xFFFFFFFF)) & m
    h ^= h >> np.uint64(15)
    h = h * 2246822519 & m
    h ^= h >> np.uint64(13)
    h = h * 3266489917 & m
    return (h >> np.uint64(24)).astype(np.uint8)
