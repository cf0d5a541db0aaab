#include "noises/natural/natural.h"

#include "base/text.h"

#include <string.h>

static const char *const set_names[NATURAL_SETS] = {"224", "cifar", "64", "299"};

enum natural_set natural_set_for(int width, int height)
{
    /* Bounds are the geometric means of the sets' sides: 32, 64, 224, 299. */
    int side = width < height ? width : height;
    if (side <= 45)
        return NATURAL_CIFAR;
    if (side <= 119)
        return NATURAL_64;
    return side <= 258 ? NATURAL_224 : NATURAL_299;
}

const char *natural_set_name(enum natural_set set)
{
    return set_names[set];
}

enum status natural_set_find(const char *name, enum natural_set *out)
{
    for (int i = 0; i < NATURAL_SETS; i++)
        if (!strcmp(name, set_names[i])) {
            *out = (enum natural_set)i;
            return OK;
        }
    return status_fail(ERR_USAGE, "set=%s: choose one of: 224 cifar 64 299", name);
}

enum status natural_find(const char *name, const struct natural **out)
{
    const char *names[128] = {0};
    size_t count = 0;
    *out = NULL;
    for (; natural_registry[count] && count < 128; count++) {
        names[count] = natural_registry[count]->name;
        if (!strcmp(name, names[count])) {
            *out = natural_registry[count];
            return OK;
        }
    }
    const char *near = text_nearest(name, names, count);
    return near ? status_fail(ERR_USAGE, "no natural noise '%s': did you mean '%s'?",
                              name, near)
                : status_fail(ERR_USAGE, "no natural noise '%s'", name);
}
