#include "base/file.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum status file_map(const char *path, struct mapping *out)
{
    *out = (struct mapping){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return status_fail(errno == ENOENT ? ERR_NOTFOUND : ERR_IO, "%s: %s", path,
                           strerror(errno));
    enum status st = OK;
    struct stat info;
    if (fstat(fd, &info)) {
        st = status_fail(ERR_IO, "%s: %s", path, strerror(errno));
    } else if (!S_ISREG(info.st_mode)) {
        st = status_fail(ERR_IO, "%s: not a regular file", path);
    } else if (info.st_size > 0) {
        void *data = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED)
            st = status_fail(ERR_IO, "%s: %s", path, strerror(errno));
        else
            *out = (struct mapping){data, (size_t)info.st_size};
    }
    close(fd);
    return st;
}

void file_unmap(struct mapping *mapping)
{
    if (mapping->data)
        munmap((void *)(uintptr_t)mapping->data, mapping->size);
    *mapping = (struct mapping){0};
}

static int write_all(int fd, const char *bytes, size_t size)
{
    while (size) {
        ssize_t put = write(fd, bytes, size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -1;
        bytes += put;
        size -= (size_t)put;
    }
    return 0;
}

enum status file_replace(const char *path, const void *bytes, size_t size)
{
    char *temporary = mem_format("%s.tmp-%ld", path, (long)getpid());
    enum status st = OK;
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 || write_all(fd, bytes, size) || fsync(fd))
        st = status_fail(ERR_IO, "%s: %s", temporary, strerror(errno));
    if (fd >= 0 && close(fd) && !st)
        st = status_fail(ERR_IO, "%s: %s", temporary, strerror(errno));
    if (!st && rename(temporary, path))
        st = status_fail(ERR_IO, "%s: %s", path, strerror(errno));
    if (st)
        unlink(temporary);
    free(temporary);
    return st;
}

char *file_stem(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *stem = mem_copy(slash ? slash + 1 : path);
    char *dot = strrchr(stem, '.');
    if (dot && dot != stem)
        *dot = 0;
    return stem;
}

enum status file_make_folder(const char *path)
{
    enum status st = OK;
    for (const char *at = path; !st && *at; at++) {
        if (at[1] && at[1] != '/')
            continue;
        char *part = mem_format("%.*s", (int)(at + 1 - path), path);
        if (mkdir(part, 0777) && errno != EEXIST)
            st = status_fail(ERR_IO, "%s: %s", part, strerror(errno));
        free(part);
    }
    struct stat info;
    if (!st && (stat(path, &info) || !S_ISDIR(info.st_mode)))
        st = status_fail(ERR_IO, "%s: not a folder", path);
    return st;
}

char *file_cache_path(const char *relative)
{
    /* The XDG rules ignore a relative value. */
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char *path = NULL;
    if (cache && *cache == '/')
        path = mem_format("%s/gauntlet/%s", cache, relative);
    else if (home && *home == '/')
        path = mem_format("%s/.cache/gauntlet/%s", home, relative);
    if (!path)
        return NULL;
    char *slash = strrchr(path, '/');
    *slash = 0;
    enum status st = file_make_folder(path);
    *slash = '/';
    if (st) {
        free(path);
        return NULL;
    }
    return path;
}
