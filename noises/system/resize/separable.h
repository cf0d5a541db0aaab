/*
 * Resizers that compute in float: sums over the columns of each source row, then over
 * rows, rounded once at the end. Private.
 */
#pragma once

#include "noises/system/system.h"

/* What each of `count` neighbouring results takes from where along one axis. */
struct taps {
    int count, room;  /* room for each result */
    int *at, *used;   /* [count][room] source positions, [count] how many of them */
    float *weights;   /* [count][room] */
};
enum status taps_init(struct taps *taps, int count, int room);
void taps_add(struct taps *taps, int i, int at, float weight);
void taps_clear(struct taps *taps);

/* Fills the taps of results first.. of `out` along an axis of `in` pixels. */
typedef enum status taps_rule(int in, int out, int first, int count, struct taps *taps);

/* How values are added up: as they come; over linear light; fused, or fused with the second
 * tap first, which is what torch's two compiled loops do on processors with a fused
 * multiply-add. */
enum sums { SUMS_PLAIN, SUMS_LIGHT, SUMS_FUSED, SUMS_FUSED_SECOND };

/* As resizer.resize. */
enum status separable_resize(const struct image *in, int width, int height,
                             const struct rect *window, taps_rule *rule, enum sums sums,
                             struct image *out);
/* The same by ready taps for columns and rows. */
enum status separable_apply(const struct image *in, const struct taps *xs, const struct taps *ys,
                            enum sums sums, struct image *out);

/*
 * Antialiased taps in float32 as torch computes them: kernel on (j - centre + 1/2) / scale,
 * divided by their sum. support: of the kernel at scale 1.
 */
enum status taps_antialiased(int in, int out, int first, int count, float support,
                             float (*kernel)(float), struct taps *taps);
/* Two neighbours of a place, the second with weight `fraction`. */
void taps_between(struct taps *taps, int i, int in, int at, float fraction);
