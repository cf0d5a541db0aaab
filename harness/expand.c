/*
 * Lines that stand for several conditions. Rewritten from the left, one place at a time:
 * the first list, group or range of a line gives several lines, each of which is expanded
 * in turn, until nothing is left to expand.
 */
#include "harness/condition.h"

#include "base/mem.h"
#include "base/text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_CONDITIONS = 20000 };

static enum status expand(struct conditions *out, const char *line);

static enum status add(struct conditions *out, const char *line)
{
    struct condition condition;
    enum status st = condition_parse(line, &condition);
    if (st)
        return st;
    for (size_t i = 0; i < out->count; i++)
        if (!strcmp(out->items[i].sha, condition.sha)) {
            condition_clear(&condition);
            return OK;
        }
    if (out->count == MAX_CONDITIONS) {
        condition_clear(&condition);
        return status_fail(ERR_LIMIT, "more than %d conditions", MAX_CONDITIONS);
    }
    out->items = mem_grow(out->items, out->count + 1, sizeof *out->items);
    out->items[out->count++] = condition;
    return OK;
}

/* `line` with line[start..end) replaced. */
static enum status with(struct conditions *out, const char *line, size_t start,
                        size_t end, const char *part)
{
    char *variant = mem_format("%.*s%s%s", (int)start, line, part, line + end);
    enum status st = expand(out, variant);
    free(variant);
    return st;
}

static enum status expand_list(struct conditions *out, const char *line, const char *open)
{
    const char *close = strchr(open, ']');
    if (!close)
        return status_fail(ERR_USAGE, "a list without its end ']'\n    %s\n    %*s^",
                           line, (int)(open - line), "");
    enum status st = OK;
    for (const char *at = open + 1; !st && at <= close;) {
        size_t length = strcspn(at, ",]");
        char *item = mem_format("%.*s", (int)length, at);
        char *word = item + strspn(item, " ");
        word[strcspn(word, " ")] = 0;
        st = with(out, line, (size_t)(open - line), (size_t)(close + 1 - line), word);
        free(item);
        at += length + 1;
    }
    return st;
}

/* decode=*, resize=*, colour=*: every member of the family. */
static enum status expand_star(struct conditions *out, const char *line, const char *star)
{
    size_t at = (size_t)(star - line);
    enum status st = OK;
    if (at >= 7 && !strncmp(star - 7, "decode=", 7)) {
        for (size_t i = 0; !st && decoder_registry[i]; i++)
            st = with(out, line, at, at + 1, decoder_registry[i]->name);
        return st;
    }
    if (at >= 7 && !strncmp(star - 7, "resize=", 7)) {
        for (size_t i = 0; !st && resizer_registry[i]; i++)
            st = with(out, line, at, at + 1, resizer_registry[i]->name);
        return st;
    }
    if (at >= 7 && !strncmp(star - 7, "colour=", 7)) {
        for (size_t i = 0; !st && colour_registry[i]; i++)
            st = with(out, line, at, at + 1, colour_registry[i]->name);
        return st;
    }
    return status_fail(ERR_USAGE,
                       "'*' stands for all decoders, resizers or colour paths\n"
                       "    %s\n    %*s^",
                       line, (int)at, "");
}

/* imagenet-c is the fifteen corruptions of mCE; imagenet-c-extra the authors' other four,
 * meant for validation; imagenet-c-bar the ten of others. */
static bool in_mce(const struct natural *noise)
{
    return noise->in_mce;
}

static bool in_cbar(const struct natural *noise)
{
    return noise->in_cbar;
}

static bool in_extra(const struct natural *noise)
{
    static const char *const four[] = {"gaussian_blur", "saturate", "spatter",
                                       "speckle_noise"};
    for (size_t i = 0; i < sizeof four / sizeof *four; i++)
        if (!strcmp(noise->name, four[i]))
            return true;
    return false;
}

static enum status expand_group(struct conditions *out, const char *line, size_t start,
                                size_t length, bool (*in_group)(const struct natural *))
{
    enum status st = OK;
    for (size_t i = 0; !st && natural_registry[i]; i++)
        if (in_group(natural_registry[i]))
            st = with(out, line, start, start + length, natural_registry[i]->name);
    return st;
}

/* imagenet-p is the ten sequences of mFR, imagenet-p-extra the four for validation. */
static enum status expand_sequences(struct conditions *out, const char *line, size_t start,
                                    size_t length, bool extra)
{
    enum status st = OK;
    for (size_t i = 0; !st && perturbation_registry[i]; i++) {
        char *name = mem_format("%s-p", perturbation_registry[i]->name);
        if (perturbation_registry[i]->in_mfr != extra)
            st = with(out, line, start, start + length, name);
        free(name);
    }
    return st;
}

/* name:A-B */
static enum status expand_range(struct conditions *out, const char *line, size_t start,
                                size_t end)
{
    char *rest = NULL;
    long first = strtol(line + start, &rest, 10);
    long last = strtol(rest + 1, &rest, 10);
    if (rest != line + end || first < 1 || last < first || last > 99)
        return status_fail(ERR_USAGE, "not a range of severities\n    %s\n    %*s^", line,
                           (int)start, "");
    enum status st = OK;
    for (long severity = first; !st && severity <= last; severity++) {
        char *number = mem_format("%ld", severity);
        st = with(out, line, start, end, number);
        free(number);
    }
    return st;
}

static enum status expand_word(struct conditions *out, const char *line, size_t start,
                               size_t length, bool *done)
{
    const char *word = line + start;
    size_t name = 0;
    while (name < length && word[name] != ':' && word[name] != '=')
        name++;
    *done = true;
    if (name == 10 && !strncmp(word, "imagenet-c", 10))
        return expand_group(out, line, start, name, in_mce);
    if (name == 16 && !strncmp(word, "imagenet-c-extra", 16))
        return expand_group(out, line, start, name, in_extra);
    if (name == 14 && !strncmp(word, "imagenet-c-bar", 14))
        return expand_group(out, line, start, name, in_cbar);
    if (name == 10 && !strncmp(word, "imagenet-p", 10))
        return expand_sequences(out, line, start, name, false);
    if (name == 16 && !strncmp(word, "imagenet-p-extra", 16))
        return expand_sequences(out, line, start, name, true);
    if (name < length && word[name] == ':' && isdigit((unsigned char)word[name + 1]) &&
        memchr(word + name, '-', length - name))
        return expand_range(out, line, start + name + 1, start + length);
    *done = false;
    return OK;
}

static enum status expand(struct conditions *out, const char *line)
{
    const char *open = strchr(line, '[');
    if (open)
        return expand_list(out, line, open);
    const char *star = strchr(line, '*');
    if (star)
        return expand_star(out, line, star);
    for (size_t at = 0; line[at];) {
        at += strspn(line + at, " \t\n");
        size_t length = strcspn(line + at, " \t\n");
        bool done;
        enum status st = expand_word(out, line, at, length, &done);
        if (st || done)
            return st;
        at += length;
    }
    return add(out, line);
}

enum status conditions_add(struct conditions *conditions, const char *line)
{
    return expand(conditions, line);
}

void conditions_clear(struct conditions *conditions)
{
    for (size_t i = 0; i < conditions->count; i++)
        condition_clear(&conditions->items[i]);
    free(conditions->items);
    *conditions = (struct conditions){0};
}
