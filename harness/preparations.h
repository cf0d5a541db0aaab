/* Plausible ways to prepare a network's input, as overrides of its record. */
#pragma once

#include <stddef.h>

struct preparation {
    const char *name;
    const char *overrides[8]; /* "key=value", NULL ends */
};

/* How bytes become numbers; the first is the record as it stands. */
const struct preparation *preparations_of_values(size_t *count);
/* How the picture becomes the size of the input, whose shorter side is `side`. Overwritten
 * by the next call. */
const struct preparation *preparations_of_shape(int side, size_t *count);

/* The overrides of both, later ones winning; b may be NULL. The caller frees the text. */
void preparation_join(const struct preparation *a, const struct preparation *b,
                      const char *out[16]);
char *preparation_text(const struct preparation *a, const struct preparation *b);
