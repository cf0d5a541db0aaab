#include "base/mem.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGNMENT = 64, BLOCK_SIZE = 64 * 1024 };

struct arena_block {
    struct arena_block *next;
    size_t size, used;
    _Alignas(ALIGNMENT) unsigned char data[];
};

static void *require(void *p)
{
    if (!p) {
        fputs("gauntlet: out of memory\n", stderr);
        abort();
    }
    return p;
}

void *mem_new(size_t size)
{
    return require(calloc(1, size ? size : 1));
}

void *mem_array(size_t count, size_t size)
{
    return require(calloc(count ? count : 1, size ? size : 1));
}

void *mem_grow(void *old, size_t count, size_t size)
{
    return require(reallocarray(old, count ? count : 1, size ? size : 1));
}

char *mem_copy(const char *string)
{
    return string ? require(strdup(string)) : NULL;
}

static char *format_list(const char *format, va_list args)
{
    char *text = NULL;
    if (vasprintf(&text, format, args) < 0)
        text = NULL;
    return require(text);
}

char *mem_format(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = format_list(format, args);
    va_end(args);
    return text;
}

/* The bytes of count * size in whole lines of 64; 0 when that overflows. */
static size_t rounded(size_t count, size_t size)
{
    if (size && count > (SIZE_MAX - ALIGNMENT) / size)
        return 0;
    size_t bytes = count * size + ALIGNMENT - 1;
    bytes -= bytes % ALIGNMENT;
    return bytes ? bytes : ALIGNMENT;
}

void *mem_raw(size_t count, size_t size)
{
    size_t bytes = rounded(count, size);
    return bytes ? aligned_alloc(ALIGNMENT, bytes) : NULL;
}

void *mem_try(size_t count, size_t size)
{
    void *p = mem_raw(count, size);
    if (p)
        memset(p, 0, rounded(count, size));
    return p;
}

void *mem_lasting(size_t bytes)
{
    enum { HUGE = 2 << 20 };
    if (bytes < HUGE || bytes > SIZE_MAX - HUGE)
        return mem_try(1, bytes);
    void *p;
    if (posix_memalign(&p, HUGE, rounded(1, bytes)))
        return NULL;
#ifdef MADV_HUGEPAGE
    madvise(p, bytes / HUGE * HUGE, MADV_HUGEPAGE);
#endif
    return memset(p, 0, bytes);
}

void mem_keep_freed(void)
{
    mallopt(M_MMAP_THRESHOLD, 32 << 20); /* glibc's upper bound */
    mallopt(M_TRIM_THRESHOLD, 256 << 20);
}

void *arena_try(struct arena *arena, size_t size)
{
    if (size > SIZE_MAX / 2)
        return NULL;
    size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    struct arena_block *block = arena->blocks;
    if (!block || block->size - block->used < size) {
        size_t room = size > BLOCK_SIZE ? size : BLOCK_SIZE;
        block = mem_lasting(sizeof *block + room);
        if (!block)
            return NULL;
        block->size = room;
        /* A large block is full at once: keep filling the one before it. */
        if (arena->blocks && size > BLOCK_SIZE) {
            block->next = arena->blocks->next;
            arena->blocks->next = block;
        } else {
            block->next = arena->blocks;
            arena->blocks = block;
        }
    }
    void *p = block->data + block->used;
    block->used += size;
    arena->used += size;
    return p;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    return require(arena_try(arena, size));
}

char *arena_copy(struct arena *arena, const char *string)
{
    size_t size = strlen(string) + 1;
    return memcpy(arena_alloc(arena, size), string, size);
}

char *arena_format(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = format_list(format, args);
    va_end(args);
    char *copy = arena_copy(arena, text);
    free(text);
    return copy;
}

void arena_clear(struct arena *arena)
{
    for (struct arena_block *block = arena->blocks, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    *arena = (struct arena){0};
}
