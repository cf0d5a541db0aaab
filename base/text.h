/*
 * A growing string. All-zero is empty; `data` is NULL until the first byte, and always
 * ends in a zero byte after it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct text {
    char *data;
    size_t size, room;
};

void text_add(struct text *text, const char *string);
void text_add_bytes(struct text *text, const void *bytes, size_t size);
void text_addf(struct text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void text_clear(struct text *text);

/* The shortest decimal that reads back as the same double: 0.1, 8, 1e-05. `out` ≥ 32. */
const char *text_number(double value, char out[static 32]);

/* "8/255", "0.5", "1e-3": a number or a fraction, whole string; false if it is neither.
 */
bool text_parse_number(const char *string, double *value);

/* The candidate nearest to `word` by edit distance; else the first that begins like it; or
 * NULL when none does. */
const char *text_nearest(const char *word, const char *const *candidates, size_t count);
