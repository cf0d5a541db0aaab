#include "datasets/catalogue.h"

#include "base/document.h"
#include "base/file.h"
#include "base/text.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern const char datasets_catalogue_yaml[]; /* catalogue.yaml, see meson.build */

struct shelf {
    struct dataset_entry *entries;
    unsigned count;
};

enum { MAX_SHELVES = 16 };

struct dataset_catalogue {
    struct shelf *shelves[MAX_SHELVES]; /* the user's first */
    size_t n_shelves, count;
    const struct dataset_entry **entries;
};

static const cyaml_schema_value_t word = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 0, 1024),
};
#define TEXT(member)                                                                     \
    CYAML_FIELD_STRING_PTR(#member, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,            \
                           struct dataset_entry, member, 0, 1024)
static const cyaml_schema_field_t entry_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct dataset_entry, name, 1, 64),
    TEXT(summary),
    TEXT(licence),
    TEXT(note),
    TEXT(sha256),
    TEXT(md5),
    CYAML_FIELD_INT("bytes", CYAML_FLAG_OPTIONAL, struct dataset_entry, bytes),
    CYAML_FIELD_SEQUENCE_COUNT("urls", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                               struct dataset_entry, urls, n_urls, &word, 1, 16),
    CYAML_FIELD_BOOL("unpack", CYAML_FLAG_OPTIONAL, struct dataset_entry, unpack),
    TEXT(inside),
    TEXT(split),
    TEXT(classes),
    TEXT(spec),
    CYAML_FIELD_BOOL("ood", CYAML_FLAG_OPTIONAL, struct dataset_entry, ood),
    CYAML_FIELD_BOOL("among_present", CYAML_FLAG_OPTIONAL, struct dataset_entry,
                     among_present),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t entry_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct dataset_entry, entry_fields),
};
/* The other sections of a user's file belong to models/catalogue.c. */
static const cyaml_schema_field_t shelf_fields[] = {
    CYAML_FIELD_SEQUENCE_COUNT("datasets", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                               struct shelf, entries, count, &entry_schema, 0,
                               CYAML_UNLIMITED),
    CYAML_FIELD_IGNORE("bases", CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_IGNORE("recipes", CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_IGNORE("models", CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t shelf_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct shelf, shelf_fields),
};

static bool is_hex(const char *text, size_t digits)
{
    return strlen(text) == digits && strspn(text, "0123456789abcdef") == digits;
}

/* A name becomes part of a path, so it is held to letters, digits and a few signs. */
static enum status check(const struct shelf *shelf, const char *file)
{
    for (unsigned i = 0; i < shelf->count; i++) {
        const struct dataset_entry *entry = &shelf->entries[i];
        const char *name = entry->name;
        if (name[0] == '.' ||
            strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                         "0123456789._-") != strlen(name))
            return status_fail(ERR_FORMAT,
                               "%s: dataset '%s': a name has letters, digits, dots, "
                               "hyphens and underscores",
                               file, name);
        if ((entry->sha256 && !is_hex(entry->sha256, 64)) ||
            (entry->md5 && !is_hex(entry->md5, 32)))
            return status_fail(ERR_FORMAT,
                               "%s: dataset %s: a checksum is not 64 (sha256) or 32 "
                               "(md5) small hexadecimal digits",
                               file, name);
        if (entry->n_urls && !entry->sha256 && !entry->md5)
            return status_fail(ERR_FORMAT,
                               "%s: dataset %s has urls and no checksum to check "
                               "the download against",
                               file, name);
        if (entry->inside && (entry->inside[0] == '/' || strstr(entry->inside, "..")))
            return status_fail(ERR_FORMAT,
                               "%s: dataset %s: inside: '%s' leads out of the "
                               "archive",
                               file, name, entry->inside);
    }
    return OK;
}

static enum status add_shelf(struct dataset_catalogue *catalogue, const char *name,
                             const void *text, size_t size)
{
    void *document;
    enum status st = document_parse(text, size, name, &shelf_schema, &document);
    if (st)
        return st;
    if (catalogue->n_shelves == MAX_SHELVES)
        return status_fail(ERR_LIMIT, "%s: more than %d catalogues", name, MAX_SHELVES);
    catalogue->shelves[catalogue->n_shelves++] = document;
    return check(document, name);
}

static enum status add_files(struct dataset_catalogue *catalogue, const char *paths)
{
    enum status st = OK;
    char *copy = mem_copy(paths ? paths : "");
    for (char *rest = copy, *path; !st && (path = strsep(&rest, ":"));) {
        struct mapping file;
        if (!*path)
            continue;
        st = status_wrap(file_map(path, &file), "GAUNTLET_CATALOGUE");
        if (st)
            break;
        st = add_shelf(catalogue, path, file.data, file.size);
        file_unmap(&file);
    }
    free(copy);
    return st;
}

static enum status build(struct dataset_catalogue *catalogue)
{
    enum status st = add_files(catalogue, getenv("GAUNTLET_CATALOGUE"));
    if (!st)
        st = add_shelf(catalogue, "datasets/catalogue.yaml", datasets_catalogue_yaml,
                       strlen(datasets_catalogue_yaml));
    for (size_t i = 0; i < catalogue->n_shelves; i++)
        catalogue->count += catalogue->shelves[i]->count;
    catalogue->entries = mem_array(catalogue->count, sizeof *catalogue->entries);
    for (size_t i = 0, at = 0; i < catalogue->n_shelves; i++)
        for (unsigned k = 0; k < catalogue->shelves[i]->count; k++)
            catalogue->entries[at++] = &catalogue->shelves[i]->entries[k];
    return st;
}

static struct {
    pthread_mutex_t lock;
    bool done;
    enum status st;
    char *message;
    struct dataset_catalogue catalogue;
} built = {.lock = PTHREAD_MUTEX_INITIALIZER};

enum status dataset_catalogue_load(const struct dataset_catalogue **out)
{
    pthread_mutex_lock(&built.lock);
    if (!built.done) {
        built.done = true;
        built.st = build(&built.catalogue);
        built.message = built.st ? mem_copy(status_message()) : NULL;
    }
    pthread_mutex_unlock(&built.lock);
    *out = built.st ? NULL : &built.catalogue;
    return built.st ? status_fail(built.st, "%s", built.message) : OK;
}

size_t dataset_catalogue_count(const struct dataset_catalogue *catalogue)
{
    return catalogue->count;
}

const struct dataset_entry *
dataset_catalogue_at(const struct dataset_catalogue *catalogue, size_t index)
{
    return catalogue->entries[index];
}

const struct dataset_entry *
dataset_catalogue_by_name(const struct dataset_catalogue *catalogue, const char *name)
{
    for (size_t i = 0; i < catalogue->count; i++)
        if (!strcmp(catalogue->entries[i]->name, name))
            return catalogue->entries[i];
    return NULL;
}

/* ".tar", ".tar.gz", ...: the ending of a URL's file name, without its query. */
static char *archive_ending(const char *url)
{
    static const char *const endings[] = {".tar",     ".tar.gz",  ".tgz", ".tar.xz",
                                          ".tar.zst", ".tar.bz2", ".zip"};
    size_t size = strcspn(url, "?#");
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t length = strlen(endings[i]);
        if (size > length && !strncmp(url + size - length, endings[i], length))
            return mem_copy(endings[i]);
    }
    return mem_copy("");
}

char *dataset_entry_place(const struct dataset_entry *entry)
{
    char *ending =
        entry->unpack || !entry->n_urls ? mem_copy("") : archive_ending(entry->urls[0]);
    char *relative = mem_format("datasets/%s%s", entry->name, ending);
    char *place = file_cache_path(relative);
    free(ending);
    free(relative);
    return place;
}

static char *in_folders(const char *name)
{
    const char *folders = getenv("GAUNTLET_DATASETS");
    char *copy = mem_copy(folders ? folders : ""), *found = NULL;
    for (char *rest = copy, *folder; !found && (folder = strsep(&rest, ":"));) {
        static const char *const endings[] = {"", ".tar", ".tar.gz", ".tgz"};
        for (size_t i = 0; *folder && !found && i < sizeof endings / sizeof *endings;
             i++) {
            char *path = mem_format("%s/%s%s", folder, name, endings[i]);
            if (!access(path, R_OK))
                found = path;
            else
                free(path);
        }
    }
    free(copy);
    return found;
}

static enum status not_there(const struct dataset_catalogue *catalogue, const char *name,
                             const struct dataset_entry *entry)
{
    if (entry && entry->n_urls)
        return status_fail(ERR_NOTFOUND,
                           "dataset '%s' is in the catalogue and not on this "
                           "machine yet: gauntlet fetch %s",
                           name, name);
    if (entry)
        return status_fail(ERR_NOTFOUND, "dataset '%s' cannot be fetched: %s", name,
                           entry->note ? entry->note : "open your copy by its path");
    const char **names = mem_array(catalogue->count, sizeof *names);
    for (size_t i = 0; i < catalogue->count; i++)
        names[i] = catalogue->entries[i]->name;
    const char *near = text_nearest(name, names, catalogue->count);
    free(names);
    return status_fail(ERR_NOTFOUND,
                       "dataset '%s': no such file or folder, and no dataset of "
                       "that name in GAUNTLET_DATASETS or the catalogue%s%s%s",
                       name, near ? " (did you mean '" : "", near ? near : "",
                       near ? "'?)" : "");
}

enum status dataset_find(const char *name, char **spec,
                         const struct dataset_entry **entry)
{
    const struct dataset_catalogue *catalogue;
    *entry = NULL;
    *spec = strchr(name, '/') ? NULL : in_folders(name);
    if (*spec)
        return OK;
    enum status st = dataset_catalogue_load(&catalogue);
    if (st)
        return st;
    *entry = dataset_catalogue_by_name(catalogue, name);
    if (*entry && (*entry)->spec) {
        *spec = mem_copy((*entry)->spec);
        return OK;
    }
    char *place = *entry ? dataset_entry_place(*entry) : NULL;
    if (place && !access(place, R_OK)) {
        *spec = (*entry)->inside ? mem_format("%s/%s", place, (*entry)->inside)
                                 : mem_copy(place);
        free(place);
        return OK;
    }
    free(place);
    return not_there(catalogue, name, *entry);
}
