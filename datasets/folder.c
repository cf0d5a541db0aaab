/*
 * A folder tree with one folder a class: PATH/cat/0001.jpg, PATH/test/cat/0001.jpg. Links
 * are followed. A sample's offset holds the file's time of change, so that the cached
 * manifest is recomputed when a file changes.
 */
#include "datasets/index.h"

#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool probe(const char *path)
{
    struct stat info;
    return !stat(path, &info) && S_ISDIR(info.st_mode);
}

static enum status walk(FTS *tree, size_t root, struct index *index)
{
    errno = 0;
    for (FTSENT *entry; (entry = fts_read(tree)); errno = 0) {
        if (entry->fts_info == FTS_D && entry->fts_level > 0 &&
            entry->fts_name[0] == '.') {
            fts_set(tree, entry, FTS_SKIP);
        } else if (entry->fts_info == FTS_F) {
            const struct stat *info = entry->fts_statp;
            uint64_t time = (uint64_t)info->st_mtim.tv_sec * 1000000000u +
                            (uint64_t)info->st_mtim.tv_nsec;
            index_add(index, entry->fts_path + root, time, (uint64_t)info->st_size);
        } else if (entry->fts_info == FTS_SLNONE) {
            index_add(index, entry->fts_path + root, 0, 0); /* fails when it is loaded */
        } else if (entry->fts_info == FTS_DC) {
            return status_fail(ERR_FORMAT,
                               "%s: a link that leads back to a folder above it",
                               entry->fts_path);
        } else if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR ||
                   entry->fts_info == FTS_NS) {
            return status_fail(ERR_IO, "%s: %s", entry->fts_path,
                               strerror(entry->fts_errno));
        }
    }
    return errno ? status_fail(ERR_IO, "walking the folder: %s", strerror(errno)) : OK;
}

static enum status open_folder(struct dataset *dataset,
                               const struct dataset_options *options)
{
    char *const roots[] = {dataset->path, NULL};
    FTS *tree = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, NULL);
    if (!tree)
        return status_fail(ERR_IO, "%s: %s", dataset->path, strerror(errno));
    struct index index = {.arena = &dataset->arena};
    enum status st = walk(tree, strlen(dataset->path), &index);
    fts_close(tree);
    if (!st)
        return index_finish(&index, dataset, options);
    free(index.entries);
    return st;
}

static enum status load(const struct dataset *dataset, size_t i, struct sample_data *out)
{
    const struct sample *sample = &dataset->samples[i];
    char *name = key_to_name(sample->key);
    char *path = mem_format("%s/%s", dataset->path, name ? name : sample->key);
    free(name);
    enum status st = sample_read(path, sample->size, out);
    free(path);
    return st;
}

const struct dataset_format dataset_format_folder = {
    .name = "folder",
    .summary = "a folder tree with one folder a class",
    .probe = probe,
    .open = open_folder,
    .load = load,
};
