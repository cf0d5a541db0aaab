#include "noises/system/system.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

enum { MAX_NAMES = 256 };

static bool answers_to(const char *word, const char *name, const char *aliases)
{
    size_t size = strlen(word);
    if (!strcmp(word, name))
        return true;
    for (const char *at = aliases; at && size && (at = strstr(at, word)); at += size)
        if ((at == aliases || at[-1] == ' ') && (at[size] == ' ' || !at[size]))
            return true;
    return false;
}

static enum status unknown(const char *key, const char *word, const char *const *names,
                           size_t count)
{
    const char *near = text_nearest(word, names, count);
    struct text all = {0};
    for (size_t i = 0; i < count; i++)
        text_addf(&all, " %s", names[i]);
    enum status st =
        near ? status_fail(ERR_USAGE, "%s=%s: no such member; did you mean %s? There are:%s",
                           key, word, near, all.data)
             : status_fail(ERR_USAGE, "%s=%s: no such member; there are:%s", key, word, all.data);
    text_clear(&all);
    return st;
}

enum status decoder_find(const char *name, const struct decoder **out)
{
    const char *names[MAX_NAMES];
    size_t count = 0;
    for (const struct decoder *const *d = decoder_registry; *d; d++) {
        if (answers_to(name, (*d)->name, (*d)->alias)) {
            *out = *d;
            return OK;
        }
        names[count++] = (*d)->name;
    }
    return unknown("decode", name, names, count);
}

enum status resizer_find(const char *name, const struct resizer **out)
{
    const char *names[MAX_NAMES];
    size_t count = 0;
    for (const struct resizer *const *r = resizer_registry; *r; r++) {
        if (answers_to(name, (*r)->name, (*r)->alias)) {
            *out = *r;
            return OK;
        }
        names[count++] = (*r)->name;
    }
    return unknown("resize", name, names, count);
}

enum status colour_find(const char *name, const struct colour **out)
{
    const char *names[MAX_NAMES];
    size_t count = 0;
    for (const struct colour *const *c = colour_registry; *c; c++) {
        if (answers_to(name, (*c)->name, NULL)) {
            *out = *c;
            return OK;
        }
        names[count++] = (*c)->name;
    }
    return unknown("colour", name, names, count);
}
