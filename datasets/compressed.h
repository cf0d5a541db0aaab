/* Compressed archives, through libarchive's filters. */
#pragma once

#include "base/status.h"

/*
 * The uncompressed twin of a .gz, .xz, .zst or .bz2 file, made once in the cache folder
 * and found again by the file's path, size and time. The caller frees *out, a path.
 * ERR_LIMIT when it grows more than 200-fold beyond 64 MiB: no archive of pictures does.
 */
enum status compressed_plain(const char *path, char **out);
