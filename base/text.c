#include "base/text.h"

#include "base/mem.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void text_add_bytes(struct text *text, const void *bytes, size_t size)
{
    if (text->size + size + 1 > text->room) {
        text->room = (text->size + size + 1) * 2;
        text->data = mem_grow(text->data, text->room, 1);
    }
    if (size)
        memcpy(text->data + text->size, bytes, size);
    text->size += size;
    text->data[text->size] = 0;
}

void text_add(struct text *text, const char *string)
{
    text_add_bytes(text, string, strlen(string));
}

void text_addf(struct text *text, const char *format, ...)
{
    char *part = NULL;
    va_list args;
    va_start(args, format);
    int size = vasprintf(&part, format, args);
    va_end(args);
    if (size > 0)
        text_add_bytes(text, part, (size_t)size);
    if (size >= 0)
        free(part);
}

void text_clear(struct text *text)
{
    free(text->data);
    *text = (struct text){0};
}

const char *text_number(double value, char out[static 32])
{
    char number[32];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(number, sizeof number, "%.*g", digits, value);
        if (strtod(number, NULL) == value)
            break;
    }
    return memcpy(out, number, sizeof number);
}

bool text_parse_number(const char *string, double *value)
{
    char *end = NULL;
    errno = 0;
    double number = strtod(string, &end);
    if (end == string || errno == ERANGE)
        return false;
    if (*end == '/') {
        const char *below = end + 1;
        double divisor = strtod(below, &end);
        if (end == below || divisor == 0)
            return false;
        number /= divisor;
    }
    if (*end || !isfinite(number))
        return false;
    *value = number;
    return true;
}

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/*
 * Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours,
 * which is how "eps" becomes "esp". Three rows at a time.
 */
static size_t edit_distance(const char *a, const char *b)
{
    size_t width = strlen(b) + 1;
    size_t *rows = mem_array(3 * width, sizeof *rows);
    size_t *before = rows, *above = rows + width, *row = rows + 2 * width;
    for (size_t j = 0; j < width; j++)
        row[j] = j;
    for (size_t i = 0; a[i]; i++) {
        size_t *oldest = before;
        before = above;
        above = row;
        row = oldest;
        row[0] = i + 1;
        for (size_t j = 0; b[j]; j++) {
            row[j + 1] = min3(above[j + 1] + 1, row[j] + 1, above[j] + (a[i] != b[j]));
            bool swapped = i && j && a[i] == b[j - 1] && a[i - 1] == b[j];
            if (swapped && before[j - 1] + 1 < row[j + 1])
                row[j + 1] = before[j - 1] + 1;
        }
    }
    size_t distance = row[width - 1];
    free(rows);
    return distance;
}

/* "pgd" of "pgd-linf", "epsilon" of "eps". */
static bool begins_like(const char *word, const char *candidate)
{
    size_t length = strlen(word), other = strlen(candidate);
    size_t shorter = length < other ? length : other;
    return shorter >= 3 && !strncmp(word, candidate, shorter);
}

const char *text_nearest(const char *word, const char *const *candidates, size_t count)
{
    const char *best = NULL;
    size_t least = strlen(word) / 3 + 2;
    for (size_t i = 0; i < count; i++) {
        size_t distance = edit_distance(word, candidates[i]);
        if (distance < least) {
            least = distance;
            best = candidates[i];
        }
    }
    for (size_t i = 0; i < count && !best; i++)
        if (begins_like(word, candidates[i]))
            best = candidates[i];
    return best;
}
