/*
 * Memory for small things, and arenas.
 *
 * mem_*() never return NULL: they stop the program when memory is gone, which is right
 * for names and tables. Sizes that come from a file go through mem_try(), which may fail.
 */
#pragma once

#include <stddef.h>

void *mem_new(size_t size);                 /* zeroed */
void *mem_array(size_t count, size_t size); /* zeroed; checks the product */
void *mem_grow(void *old, size_t count, size_t size);
char *mem_copy(const char *string); /* strdup; NULL gives NULL */
char *mem_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Zeroed and aligned to 64 bytes for vector loads; NULL when memory is gone. free() it.
 */
void *mem_try(size_t count, size_t size);
/* The same, not zeroed: for what is written before it is read. */
void *mem_raw(size_t count, size_t size);

/*
 * From now on freed memory stays with the process (up to 256 MB an arena) instead of going
 * back to the kernel, which would hand out zeroed pages again for every picture: a page
 * fault each 4 KB. For main() to call, before threads start.
 */
void mem_keep_freed(void);

/* The same for what stays long and is read from end to end, as weights: from 2 MiB on in large
 * pages where the system has them, since reading ahead stops at a page's end. */
void *mem_lasting(size_t bytes);

/*
 * An arena: many allocations, one release. Everything is zeroed and aligned to 64 bytes.
 * All-zero is an empty arena. Not safe for use by two threads at once.
 */
struct arena {
    struct arena_block *blocks;
    size_t used; /* bytes handed out, for reports */
};

void *arena_alloc(struct arena *arena, size_t size);
void *arena_try(struct arena *arena, size_t size); /* NULL when memory is gone */
char *arena_copy(struct arena *arena, const char *string);
char *arena_format(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void arena_clear(struct arena *arena);
