#include "datasets/compressed.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/threads.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 1 << 16 };
static const int64_t always_allowed = 64 << 20;

static enum status refuse(struct archive *archive, const char *path)
{
    return status_fail(ERR_FORMAT, "%s: cannot be uncompressed: %s", path,
                       archive_error_string(archive));
}

static enum status pour(struct archive *archive, const char *path, int64_t compressed,
                        int fd)
{
    static _Thread_local char buffer[CHUNK];
    int64_t total = 0;
    for (;;) {
        la_ssize_t got = archive_read_data(archive, buffer, sizeof buffer);
        if (got < 0)
            return refuse(archive, path);
        if (!got)
            return OK;
        total += got;
        if (total > always_allowed && total / 200 > compressed)
            return status_fail(ERR_LIMIT, "%s: %lld bytes become more than %lld: refused",
                               path, (long long)compressed, (long long)total);
        for (la_ssize_t put = 0; put < got;) {
            ssize_t n = write(fd, buffer + put, (size_t)(got - put));
            if (n < 0 && errno != EINTR)
                return status_fail(ERR_IO, "cache for %s: %s", path, strerror(errno));
            put += n > 0 ? n : 0;
        }
        if (threads_interrupted())
            return status_fail(ERR_INTERRUPTED, "interrupted");
    }
}

static enum status uncompress(const char *path, int64_t compressed, int fd)
{
    struct archive *archive = archive_read_new();
    struct archive_entry *entry;
    archive_read_support_filter_all(archive);
    archive_read_support_format_raw(archive);
    enum status st = archive_read_open_filename(archive, path, CHUNK) != ARCHIVE_OK ||
                             archive_read_next_header(archive, &entry) != ARCHIVE_OK
                         ? refuse(archive, path)
                         : pour(archive, path, compressed, fd);
    archive_read_free(archive);
    return st;
}

/* Uncompresses to a temporary name, then renames: others see all of it or nothing. */
static enum status make(const char *path, int64_t compressed, const char *plain)
{
    char *temporary = mem_format("%s.tmp-%ld", plain, (long)getpid());
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    enum status st = fd < 0 ? status_fail(ERR_IO, "%s: %s", temporary, strerror(errno))
                            : uncompress(path, compressed, fd);
    if (fd >= 0 && close(fd) && !st)
        st = status_fail(ERR_IO, "%s: %s", temporary, strerror(errno));
    if (!st && rename(temporary, plain))
        st = status_fail(ERR_IO, "%s: %s", plain, strerror(errno));
    if (st)
        unlink(temporary);
    free(temporary);
    return st;
}

enum status compressed_plain(const char *path, char **out)
{
    *out = NULL;
    struct stat info;
    char *real = realpath(path, NULL);
    if (!real || stat(real, &info)) {
        free(real);
        return status_fail(ERR_IO, "%s: %s", path, strerror(errno));
    }
    struct hash hash;
    char hex[HASH_HEX];
    hash_init(&hash);
    hash_add_string(&hash, real);
    hash_add_u64(&hash, (uint64_t)info.st_size);
    hash_add_u64(&hash, (uint64_t)info.st_mtim.tv_sec);
    hash_add_u64(&hash, (uint64_t)info.st_mtim.tv_nsec);
    hash_finish(&hash, hex);
    free(real);

    char *name = mem_format("plain/%s.tar", hex);
    char *plain = file_cache_path(name);
    free(name);
    if (!plain)
        return status_fail(ERR_IO,
                           "%s: no cache folder to uncompress it into: set "
                           "XDG_CACHE_HOME, or uncompress it yourself",
                           path);
    enum status st = access(plain, R_OK) ? make(path, info.st_size, plain) : OK;
    if (st)
        free(plain);
    else
        *out = plain;
    return st;
}
