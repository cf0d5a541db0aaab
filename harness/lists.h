/* What there is to name: catalogues, layouts, suites. Strings go into the arena; the caller
 * frees *out. */
#pragma once

#include "base/mem.h"
#include "base/status.h"

struct named {
    const char *kind, *name, *detail, *summary;
};

enum status list_models(struct arena *arena, struct named **out, size_t *count);
enum status list_datasets(struct arena *arena, struct named **out, size_t *count);
enum status list_suites(struct arena *arena, struct named **out, size_t *count);

/* "quick" is suites/quick.yaml beside the caller or where the program was installed; a
 * path stays itself. The caller frees. */
char *suite_path(const char *name);
