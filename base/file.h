/* Whole files: mapped to read, replaced at once to write. */
#pragma once

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

struct mapping {
    const uint8_t *data; /* NULL when the file is empty */
    size_t size;
};

enum status file_map(const char *path, struct mapping *out);
void file_unmap(struct mapping *mapping);

/* Writes PATH.tmp-PID, fsyncs, renames: readers see the old file or the new one. */
enum status file_replace(const char *path, const void *bytes, size_t size);

/* "dir/name.onnx" -> "name"; the caller frees. */
char *file_stem(const char *path);

/* Creates a folder and those above it; fine when it is there. */
enum status file_make_folder(const char *path);

/* "RELATIVE" below this user's cache folder ($XDG_CACHE_HOME/gauntlet, else
 * ~/.cache/gauntlet), whose folders are made; NULL where there is no home. The caller frees. */
char *file_cache_path(const char *relative);
