/* What `gauntlet show` shows: a picture on its way to a network that wants `size` pixels. */
#pragma once

#include "harness/pipeline.h"

struct view {
    const char *path;
    int size; /* 0: the picture as it is */
    uint64_t seed;
};

/*
 * The line's whole way to the network's door: short side to 8/7 of the size, cropped to it,
 * corrupted. A picture smaller than the size stays as it is. A sequence gives frames; there
 * is room for PERTURBATION_MAX_FRAMES. The caller clears *count of them. ERR_USAGE for an
 * attack.
 */
enum status view_render(const struct view *view, const char *line,
                        const struct sample_data *data, struct image *frames, int *count);

/* The first frame alone. */
enum status view_render_one(const struct view *view, const char *line,
                            const struct sample_data *data, struct image *out);
