/* A scratch folder for one test program, and archives built header by header. */
#pragma once

#include "tests/test.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"

#include <ftw.h>
#include <string.h>
#include <sys/stat.h>

static char place_folder[64];

static inline int place_open(void **state)
{
    (void)state;
    snprintf(place_folder, sizeof place_folder, "/tmp/gauntlet-test-XXXXXX");
    if (!mkdtemp(place_folder))
        return -1;
    /* Nothing that a test caches may outlive it. */
    return setenv("XDG_CACHE_HOME", place_folder, 1);
}

static inline int place_remove(const char *path, const struct stat *info, int type,
                               struct FTW *walk)
{
    (void)info, (void)type, (void)walk;
    return remove(path);
}

static inline int place_close(void **state)
{
    (void)state;
    return nftw(place_folder, place_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/* "a/b" below the scratch folder; a static buffer, four at a time. */
static inline const char *place(const char *relative)
{
    static char paths[4][512];
    static int turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", place_folder, relative);
    return path;
}

static inline void place_bytes(const char *relative, const void *bytes, size_t size)
{
    char *path = mem_copy(place(relative));
    *strrchr(path, '/') = 0;
    assert_ok(file_make_folder(path));
    free(path);
    assert_ok(file_replace(place(relative), bytes, size));
}

static inline void place_text(const char *relative, const char *text)
{
    place_bytes(relative, text, strlen(text));
}

/* Appends one header block; `size` is written as it is, true or not. */
static inline void tar_header(struct text *tar, const char *name, char type,
                              const char *size, const char *target)
{
    char block[512] = {0};
    snprintf(block, 100, "%s", name);
    memcpy(block + 100, "0000644", 8);
    memcpy(block + 124, size, strlen(size) > 12 ? 12 : strlen(size));
    memcpy(block + 136, "00000000000", 12);
    block[156] = type;
    snprintf(block + 157, 100, "%s", target);
    memcpy(block + 257, "ustar\00000", 8);
    unsigned sum = 8 * ' ';
    for (int i = 0; i < 512; i++)
        sum += (unsigned char)block[i];
    snprintf(block + 148, 8, "%06o", sum);
    text_add_bytes(tar, block, sizeof block);
}

static inline void tar_member(struct text *tar, const char *name, char type,
                              const void *contents, size_t size)
{
    char octal[32];
    snprintf(octal, sizeof octal, "%011zo", size);
    tar_header(tar, name, type, octal, "");
    text_add_bytes(tar, contents, size);
    static const char zeros[512];
    text_add_bytes(tar, zeros, (512 - size % 512) % 512);
}

static inline void tar_end(struct text *tar)
{
    static const char zeros[1024];
    text_add_bytes(tar, zeros, sizeof zeros);
}
