/*
 * A folder tree inside a tar archive, read in place: the archive is mapped and indexed by
 * its headers, and a sample is a slice of the mapping. A compressed archive is first
 * turned into a plain one in the cache folder.
 *
 * Source: POSIX.1-2001, pax interchange format; GNU tar manual, "Basic Tar Format".
 */
#include "datasets/index.h"

#include "base/file.h"
#include "datasets/compressed.h"
#include "datasets/tar_index.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool ends_in(const char *path, const char *ending)
{
    size_t a = strlen(path), b = strlen(ending);
    return a > b && !strcasecmp(path + a - b, ending);
}

static bool is_compressed(const char *path)
{
    return ends_in(path, ".tar.gz") || ends_in(path, ".tgz") ||
           ends_in(path, ".tar.xz") || ends_in(path, ".tar.zst") ||
           ends_in(path, ".tar.bz2");
}

static bool probe(const char *path)
{
    if (ends_in(path, ".tar") || is_compressed(path))
        return true;
    struct mapping file;
    if (file_map(path, &file))
        return false;
    bool fits = tar_sniff(file.data, file.size);
    file_unmap(&file);
    return fits;
}

/* A hard link is another name for an earlier member; resolved when all are known. */
struct link {
    char *name, *target; /* the target as a key */
};

struct building {
    struct index index;
    struct link *links;
    size_t count, room;
};

static void add_link(struct building *building, const struct tar_member *member)
{
    if (building->count == building->room) {
        building->room = building->room ? 2 * building->room : 64;
        building->links =
            mem_grow(building->links, building->room, sizeof *building->links);
    }
    struct arena *arena = building->index.arena;
    building->links[building->count++] = (struct link){
        arena_copy(arena, member->name), key_from_name(arena, member->target)};
}

/* Symbolic links stay in the index with no bytes: a recorded failure, not a silent gap.
 */
static enum status visit(void *context, const struct tar_member *member)
{
    struct building *building = context;
    if (member->type == '0')
        index_add(&building->index, member->name, member->offset, member->size);
    else if (member->type == '2')
        index_add(&building->index, member->name, member->offset, 0);
    else if (member->type == '1')
        add_link(building, member);
    return OK;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct index_entry *)a)->key,
                  ((const struct index_entry *)b)->key);
}

static void resolve_links(struct building *building)
{
    struct index *index = &building->index;
    size_t count = index->count;
    if (!building->count)
        return;
    struct index_entry *sorted = mem_array(count, sizeof *sorted);
    if (count)
        memcpy(sorted, index->entries, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, by_key);
    for (size_t i = 0; i < building->count; i++) {
        struct index_entry wanted = {.key = building->links[i].target};
        struct index_entry *found =
            bsearch(&wanted, sorted, count, sizeof *sorted, by_key);
        index_add(index, building->links[i].name, found ? found->offset : 0,
                  found ? found->size : 0);
    }
    free(sorted);
}

static enum status open_tar(struct dataset *dataset,
                            const struct dataset_options *options)
{
    struct mapping *file = dataset->state = mem_new(sizeof *file);
    char *plain = NULL;
    enum status st = OK;
    if (is_compressed(dataset->path))
        st = compressed_plain(dataset->path, &plain);
    if (!st)
        st = file_map(plain ? plain : dataset->path, file);
    free(plain);
    if (st)
        return st;

    struct building building = {.index.arena = &dataset->arena};
    st = status_wrap(tar_each(file->data, file->size, visit, &building), "%s",
                     dataset->path);
    if (!st)
        resolve_links(&building);
    free(building.links);
    if (!st)
        return index_finish(&building.index, dataset, options);
    free(building.index.entries);
    return st;
}

static enum status load(const struct dataset *dataset, size_t i, struct sample_data *out)
{
    const struct mapping *file = dataset->state;
    const struct sample *sample = &dataset->samples[i];
    if (!sample->size)
        return status_fail(ERR_FORMAT,
                           "%s: empty in the archive, or a link to something that "
                           "is not in it",
                           sample->key);
    out->bytes = file->data + sample->offset;
    out->size = (size_t)sample->size;
    return OK;
}

static void close_tar(struct dataset *dataset)
{
    if (dataset->state)
        file_unmap(dataset->state);
    free(dataset->state);
}

const struct dataset_format dataset_format_tar = {
    .name = "tar",
    .summary = "class folders inside a tar archive, read in place",
    .probe = probe,
    .open = open_tar,
    .load = load,
    .close = close_tar,
};
