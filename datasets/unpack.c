#include "datasets/fetch.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/threads.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 1 << 16, MAX_MEMBERS = 5000000, MAX_NAME = 1024, MAX_DEPTH = 32 };
static const int64_t always_allowed = 64 << 20;

struct unpacking {
    struct archive *archive;
    const char *name;   /* of the archive, for messages */
    const char *folder; /* that is being filled */
    int64_t compressed, total;
    size_t members;
};

/* A name that stays below the folder it is put in: relative, no "..", no empty parts but
 * a leading "./" or a final '/'. */
static bool is_tame(const char *name)
{
    size_t size = strlen(name), depth = 0;
    if (!size || size > MAX_NAME || *name == '/')
        return false;
    for (const char *part = name; *part;) {
        size_t length = strcspn(part, "/");
        if ((length == 2 && part[0] == '.' && part[1] == '.') || !length ||
            ++depth > MAX_DEPTH)
            return false;
        part += length;
        part += *part == '/';
    }
    /* Names made for another system: "C:\x" and "..\x" are plain names here, and a trap
     * for whoever copies the folder on. */
    return !strchr(name, '\\');
}

static enum status refuse(const struct unpacking *unpacking, const char *name,
                          const char *why)
{
    return status_fail(ERR_FORMAT, "%s: '%.200s' %s; nothing was unpacked",
                       unpacking->name, name ? name : "", why);
}

static enum status broken(const struct unpacking *unpacking)
{
    const char *why = archive_error_string(unpacking->archive);
    return status_fail(ERR_FORMAT, "%s: %s; nothing was unpacked", unpacking->name,
                       why ? why : "not an archive");
}

static enum status make_parents(const char *path)
{
    char *folder = mem_copy(path);
    *strrchr(folder, '/') = 0;
    enum status st = file_make_folder(folder);
    free(folder);
    return st;
}

static enum status write_chunk(struct unpacking *unpacking, int fd, const char *bytes,
                               size_t size, const char *name)
{
    unpacking->total += (int64_t)size;
    if (unpacking->total > always_allowed &&
        unpacking->total / 200 > unpacking->compressed)
        return status_fail(ERR_LIMIT, "%s: %lld bytes become more than %lld: refused",
                           unpacking->name, (long long)unpacking->compressed,
                           (long long)unpacking->total);
    for (size_t done = 0; done < size;) {
        ssize_t put = write(fd, bytes + done, size - done);
        if (put < 0 && errno != EINTR)
            return status_fail(ERR_IO, "%s: %s", name, strerror(errno));
        done += put > 0 ? (size_t)put : 0;
    }
    return OK;
}

static enum status write_file(struct unpacking *unpacking, const char *path,
                              const char *name)
{
    static _Thread_local char buffer[CHUNK];
    enum status st = make_parents(path);
    if (st)
        return st;
    /* O_EXCL: what is there already came from this archive, too. */
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return errno == EEXIST ? refuse(unpacking, name, "stands there twice")
                               : status_fail(ERR_IO, "%s: %s", path, strerror(errno));
    la_ssize_t got = 0;
    while (!st && (got = archive_read_data(unpacking->archive, buffer, CHUNK)) > 0)
        st = threads_interrupted()
                 ? status_fail(ERR_INTERRUPTED, "interrupted")
                 : write_chunk(unpacking, fd, buffer, (size_t)got, path);
    if (!st && got < 0)
        st = broken(unpacking);
    if (close(fd) && !st)
        st = status_fail(ERR_IO, "%s: %s", path, strerror(errno));
    return st;
}

static enum status put_member(struct unpacking *unpacking, struct archive_entry *entry)
{
    const char *name = archive_entry_pathname(entry);
    if (++unpacking->members > MAX_MEMBERS)
        return status_fail(ERR_LIMIT, "%s: more than %d members", unpacking->name,
                           MAX_MEMBERS);
    if (!name || !is_tame(name))
        return refuse(unpacking, name, "is a name that leads elsewhere");
    if (archive_entry_hardlink(entry) || archive_entry_symlink(entry))
        return refuse(unpacking, name, "is a link");
    char *path = mem_format("%s/%s", unpacking->folder, name);
    enum status st;
    if (archive_entry_filetype(entry) == AE_IFREG)
        st = write_file(unpacking, path, name);
    else if (archive_entry_filetype(entry) == AE_IFDIR)
        st = file_make_folder(path);
    else
        st = refuse(unpacking, name, "is neither a file nor a folder");
    free(path);
    return st;
}

static enum status unpack_all(struct unpacking *unpacking, const char *path)
{
    struct archive_entry *entry;
    archive_read_support_filter_all(unpacking->archive);
    archive_read_support_format_tar(unpacking->archive);
    archive_read_support_format_zip(unpacking->archive);
    if (archive_read_open_filename(unpacking->archive, path, CHUNK) != ARCHIVE_OK)
        return broken(unpacking);
    enum status st = OK;
    int result = ARCHIVE_OK;
    while (!st &&
           (result = archive_read_next_header(unpacking->archive, &entry)) == ARCHIVE_OK)
        st = put_member(unpacking, entry);
    if (!st && result != ARCHIVE_EOF)
        st = broken(unpacking);
    return st;
}

static int remove_one(const char *path, const struct stat *info, int type,
                      struct FTW *walk)
{
    (void)info, (void)type, (void)walk;
    return remove(path);
}

enum status archive_unpack(const char *archive, const char *folder)
{
    struct stat info;
    if (!access(folder, F_OK))
        return status_fail(ERR_USAGE, "%s: is there already", folder);
    if (stat(archive, &info))
        return status_fail(ERR_IO, "%s: %s", archive, strerror(errno));
    char *growing = mem_format("%s.unpacking-%ld", folder, (long)getpid());
    const char *slash = strrchr(archive, '/');
    struct unpacking unpacking = {.archive = archive_read_new(),
                                  .name = slash ? slash + 1 : archive,
                                  .folder = growing,
                                  .compressed = info.st_size};
    enum status st = file_make_folder(growing);
    if (!st)
        st = unpack_all(&unpacking, archive);
    if (!st && rename(growing, folder))
        st = status_fail(ERR_IO, "%s: %s", folder, strerror(errno));
    if (st)
        nftw(growing, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    archive_read_free(unpacking.archive);
    free(growing);
    return st;
}
