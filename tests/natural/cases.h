/* Pictures, random arrays and the oracle: what the tests of natural noise share. */
#pragma once

#include "noises/natural/natural.h"

#include <stdio.h>

/* A picture with flat areas, edges, gradients, colours and noise; same bytes always. */
struct image picture_synthetic(int width, int height, uint64_t seed);

/* The `index`-th regular file of a tar, decoded; resized (short side) and cropped to `side`
 * where side > 0. Empty when there is no such file. */
struct image picture_shared(const char *archive, int index, int side);

/* oracle.py as a child process; NULL where Python or one of its modules is missing. */
struct oracle;
struct oracle *oracle_open(void);
/* What the oracle makes of the picture, in `out` (same shape, allocated here). */
bool oracle_ask(struct oracle *oracle, const struct natural *natural,
                const struct natural_args *args, const struct image *image,
                const struct natural_draws *draws, struct image *out);
/* Frame `frame` of a sequence, of the size of the picture. */
bool oracle_ask_frame(struct oracle *oracle, const char *name, int frame,
                      enum natural_set set, const struct image *image, struct image *out);
/* The corruption with random numbers of NumPy's own. */
bool oracle_ask_fresh(struct oracle *oracle, const char *name, int severity,
                      enum natural_set set, int seed, const struct image *image,
                      struct image *out);
void oracle_close(struct oracle *oracle);
