/*
 * Pictures from a formula, the same here and in scripts/golden_picture.py: noise, where
 * seed is even, or slopes with hard edges, where it is odd.
 */
#pragma once

#include "base/image.h"

static inline uint8_t picture_byte(uint32_t seed, int x, int y, int c)
{
    if (seed % 2)
        return (uint8_t)((uint32_t)(x * (3 + (int)(seed % 5)) + y * 2 + 85 * c) + seed);
    uint32_t h = (uint32_t)x * 2654435761u + (uint32_t)y * 2246822519u + (uint32_t)c * 3266489917u +
                 seed * 668265263u;
    h ^= h >> 15;
    h *= 2246822519u;
    h ^= h >> 13;
    h *= 3266489917u;
    return (uint8_t)(h >> 24);
}

static inline enum status picture_init(uint32_t seed, int width, int height, struct image *out)
{
    enum status st = image_init(out, width, height, 3);
    for (int y = 0; !st && y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < 3; c++)
                image_row(out, y)[3 * x + c] = picture_byte(seed, x, y, c);
    return st;
}
