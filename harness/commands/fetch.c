/* gauntlet fetch: networks and datasets of the catalogues, onto this machine. */
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "datasets/catalogue.h"
#include "datasets/fetch.h"
#include "harness/command.h"
#include "models/catalogue.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct option options[] = {
    {"mirror", "URL", NULL, "look there first, for MIRROR/FILE (also: GAUNTLET_MIRROR)",
     false, NULL},
    {"offline", NULL, NULL, "fetch nothing, only say what is here", false, NULL},
    {"verify", NULL, NULL, "check what is here against its checksum again", false, NULL},
    {"jobs", "N", "4", "files at once", false, NULL},
    {"tries", "N", "5", "tries for each address", false, NULL},
    {"stall", "TIME", "30", "without a byte for so long, a connection counts as broken",
     false, NULL},
    {"dry-run", NULL, NULL, "only list what would be fetched, and how large it is", false,
     NULL},
    {"json", NULL, NULL, "as JSON", false, NULL},
    {"quiet", NULL, NULL, "no progress", false, NULL},
    {0},
};

static const struct example examples[] = {
    {"gauntlet fetch squeezenet1.1-7 imagenette", "a network and a dataset"},
    {"gauntlet fetch 'resnet50-v1-12*' --dry-run",
     "how large the fp32 and int8 files are"},
    {"gauntlet fetch cifar10 --mirror file:///media/usb", "from a folder of files"},
    {0},
};

/* What is wanted, beside the downloads' own items. */
struct order {
    struct fetch_item *items;
    const struct dataset_entry **datasets; /* NULL for a network */
    char **places;                         /* where it is used from; the download's own
                                              path differs where it is unpacked */
    size_t count;
    struct arena arena;
};

static void add(struct order *order, struct fetch_item item, const char *place,
                const struct dataset_entry *dataset)
{
    for (size_t i = 0; i < order->count; i++)
        if (!strcmp(order->places[i], place))
            return; /* named twice */
    size_t n = order->count++;
    order->items = mem_grow(order->items, n + 1, sizeof *order->items);
    order->datasets = mem_grow(order->datasets, n + 1, sizeof *order->datasets);
    order->places = mem_grow(order->places, n + 1, sizeof *order->places);
    item.path = dataset && dataset->unpack
                    ? arena_format(&order->arena, "%s.archive", place)
                    : arena_copy(&order->arena, place);
    order->items[n] = item;
    order->datasets[n] = dataset;
    order->places[n] = arena_copy(&order->arena, place);
}

/* A list of addresses that lives as long as the order. */
static const char *const *keep_urls(struct order *order, char *const *urls, size_t count)
{
    const char **kept = arena_alloc(&order->arena, (count + 1) * sizeof *kept);
    for (size_t i = 0; i < count; i++)
        kept[i] = arena_copy(&order->arena, urls[i]);
    return kept;
}

static enum status no_cache(void)
{
    return status_fail(ERR_IO,
                       "there is no cache folder: set XDG_CACHE_HOME or HOME to a "
                       "folder that can be written");
}

static enum status add_model(struct order *order, const struct catalogue *catalogue,
                             const struct catalogue_model *model)
{
    const char *name = model->values.text[RECORD_NAME];
    char *relative = mem_format("models/%s.onnx", name);
    char *place = strchr(name, '/') ? NULL : file_cache_path(relative);
    free(relative);
    if (!place)
        return no_cache();
    char **urls = catalogue_urls(catalogue, model);
    size_t count = 0;
    while (urls[count])
        count++;
    add(order,
        (struct fetch_item){.name = name,
                            .urls = keep_urls(order, urls, count),
                            .sha256 = model->sha256,
                            .bytes = model->bytes},
        place, NULL);
    for (size_t i = 0; i < count; i++)
        free(urls[i]);
    free(urls);
    free(place);
    return OK;
}

static enum status add_dataset(struct order *order, const struct dataset_entry *entry)
{
    char *place = dataset_entry_place(entry);
    if (!place)
        return no_cache();
    add(order,
        (struct fetch_item){.name = entry->name,
                            .urls = keep_urls(order, entry->urls, entry->n_urls),
                            .sha256 = entry->sha256,
                            .md5 = entry->md5,
                            .bytes = entry->bytes},
        place, entry);
    free(place);
    return OK;
}

static enum status unknown(const char *name, const struct catalogue *models,
                           const struct dataset_catalogue *datasets)
{
    size_t count = 0;
    const char **names = mem_array(
        catalogue_count(models) + dataset_catalogue_count(datasets), sizeof *names);
    for (size_t i = 0; i < catalogue_count(models); i++)
        names[count++] = catalogue_at(models, i)->values.text[RECORD_NAME];
    for (size_t i = 0; i < dataset_catalogue_count(datasets); i++)
        names[count++] = dataset_catalogue_at(datasets, i)->name;
    const char *near = text_nearest(name, names, count);
    free(names);
    return status_fail(ERR_USAGE,
                       "'%s' is in no catalogue%s%s%s; see: gauntlet list models, "
                       "gauntlet list datasets",
                       name, near ? " (did you mean '" : "", near ? near : "",
                       near ? "'?)" : "");
}

/* An entry that nobody can download: an error when it is asked for by name, no match for a
 * pattern. */
static enum status not_to_be_had(const char *name, const char *note)
{
    return status_fail(ERR_USAGE, "'%s' cannot be fetched%s%s", name, note ? ": " : "",
                       note ? note : "");
}

static enum status add_name(struct order *order, const char *name)
{
    const struct catalogue *models;
    const struct dataset_catalogue *datasets;
    enum status st = catalogue_load(&models);
    if (!st)
        st = dataset_catalogue_load(&datasets);
    if (st)
        return st;
    bool pattern = strpbrk(name, "*?[") != NULL;
    size_t matches = 0;
    for (size_t i = 0; !st && i < catalogue_count(models); i++) {
        const struct catalogue_model *model = catalogue_at(models, i);
        if (fnmatch(name, model->values.text[RECORD_NAME], 0) ||
            (pattern && !model->urls.count))
            continue;
        matches++;
        st = model->urls.count ? add_model(order, models, model)
                               : not_to_be_had(name, "the catalogue knows no address");
    }
    for (size_t i = 0; !st && i < dataset_catalogue_count(datasets); i++) {
        const struct dataset_entry *entry = dataset_catalogue_at(datasets, i);
        if (fnmatch(name, entry->name, 0) || (pattern && !entry->n_urls))
            continue;
        matches++;
        st = entry->n_urls ? add_dataset(order, entry)
             : entry->spec ? not_to_be_had(name, "it is made when it is used")
                           : not_to_be_had(name, entry->note);
    }
    return st || matches ? st : unknown(name, models, datasets);
}

/* What is unpacked already has no archive any more, and needs none. */
static void skip_unpacked(struct order *order)
{
    for (size_t i = 0; i < order->count; i++)
        if (order->datasets[i] && order->datasets[i]->unpack &&
            !access(order->places[i], R_OK))
            order->items[i].path = order->places[i];
}

static enum status unpack(struct order *order, size_t i)
{
    struct fetch_item *item = &order->items[i];
    if (item->st || !strcmp(item->path, order->places[i]))
        return item->st;
    enum status st = archive_unpack(item->path, order->places[i]);
    /* Refused or broken as it is, it would be so again. */
    if (!st || st == ERR_FORMAT || st == ERR_LIMIT)
        unlink(item->path);
    if (st) {
        item->st = st;
        item->message = mem_format("%s: %s", item->name, status_message());
    }
    return st;
}

static void print_json(const struct order *order)
{
    struct text out = {0};
    text_add(&out, "[");
    for (size_t i = 0; i < order->count; i++) {
        const struct fetch_item *item = &order->items[i];
        text_addf(&out, "%s\n {\"name\":", i ? "," : "");
        json_string(&out, item->name);
        text_add(&out, ",\"path\":");
        json_string(&out, order->places[i]);
        text_addf(&out,
                  ",\"bytes\":%lld,\"was_there\":%s,\"fetched_bytes\":%lld,\"status\":",
                  (long long)item->bytes, item->was_there ? "true" : "false",
                  (long long)item->fetched_bytes);
        json_string(&out, status_name(item->st));
        text_add(&out, ",\"error\":");
        json_string(&out, item->message);
        text_add(&out, "}");
    }
    text_add(&out, "\n]\n");
    fputs(out.data, stdout);
    text_clear(&out);
}

static void print_lines(const struct order *order)
{
    for (size_t i = 0; i < order->count; i++) {
        const struct fetch_item *item = &order->items[i];
        if (item->st)
            fprintf(stderr, "gauntlet fetch: %s\n", item->message);
        else
            printf("%s\t%s\t%s\n", item->name, item->was_there ? "was here" : "fetched",
                   order->places[i]);
    }
}

static void print_plan(const struct order *order)
{
    int64_t total = 0;
    size_t unknown_sizes = 0;
    for (size_t i = 0; i < order->count; i++) {
        const struct fetch_item *item = &order->items[i];
        bool here = !access(order->places[i], R_OK);
        char size[32] = "size unknown";
        if (item->bytes)
            snprintf(size, sizeof size, "%.1f MB", (double)item->bytes / 1e6);
        printf("%s\t%s\t%s\t%s\n", item->name, here ? "is here" : "to fetch", size,
               here ? order->places[i] : item->urls[0]);
        total += here ? 0 : item->bytes;
        unknown_sizes += !here && !item->bytes;
    }
    printf("%.1f MB to fetch", (double)total / 1e6);
    if (unknown_sizes)
        printf(", and %zu files of unknown size", unknown_sizes);
    printf("\n");
}

static enum status read_options(const struct arguments *arguments,
                                struct fetch_options *out)
{
    int64_t jobs, tries;
    enum status st = option_integer(arguments, "jobs", 1, 64, &jobs);
    if (!st)
        st = option_integer(arguments, "tries", 1, 100, &tries);
    if (!st)
        st = option_seconds(arguments, "stall", &out->stall_s);
    if (st)
        return st;
    out->at_once = (int)jobs;
    out->tries = (int)tries;
    out->mirror = option_value(arguments, "mirror");
    if (!out->mirror)
        out->mirror = getenv("GAUNTLET_MIRROR");
    out->offline = option_given(arguments, "offline");
    out->verify = option_given(arguments, "verify");
    out->quiet = option_given(arguments, "quiet");
    return OK;
}

/* Failed items cost themselves; the exit code says that there were some. */
static enum exit_code fetch_order(const struct arguments *arguments, struct order *order,
                                  const struct fetch_options *how)
{
    enum exit_code code = EXIT_DONE;
    skip_unpacked(order);
    (void)fetch_all(order->items, order->count, how); /* each item tells its own story */
    for (size_t i = 0; i < order->count; i++) {
        enum status st = unpack(order, i);
        if (st)
            code =
                exit_worse(code, st == ERR_INTERRUPTED ? EXIT_INTERRUPTED : EXIT_CELLS);
    }
    if (option_given(arguments, "json"))
        print_json(order);
    else
        print_lines(order);
    fetch_items_clear(order->items, order->count);
    return code;
}

static enum exit_code run(const struct arguments *arguments)
{
    struct order order = {0};
    struct fetch_options how = {0};
    enum exit_code code = EXIT_DONE;
    enum status st = read_options(arguments, &how);
    for (size_t i = 0; !st && i < arguments->n_operands; i++)
        st = add_name(&order, arguments->operands[i]);
    if (st)
        code = command_fail(arguments, st);
    else if (option_given(arguments, "dry-run"))
        print_plan(&order);
    else
        code = fetch_order(arguments, &order, &how);
    free(order.items);
    free(order.datasets);
    free(order.places);
    arena_clear(&order.arena);
    return code;
}

const struct command command_fetch = {
    .name = "fetch",
    .summary = "download networks and datasets of the catalogues",
    .operands = "NAME...",
    .min_operands = 1,
    .max_operands = -1,
    .about =
        "Downloads what the catalogues know into the cache folder "
        "($XDG_CACHE_HOME/gauntlet, "
        "else ~/.cache/gauntlet), where `run --model NAME` and `--dataset NAME` find it. "
        "A "
        "name may be a pattern in quotes. What broke off is resumed; a file appears "
        "under its "
        "name only when its size and checksum are right; an archive with links, absolute "
        "names or names that climb is refused.\n\n"
        "Proxies are taken from http_proxy, https_proxy and no_proxy, certificates from "
        "CURL_CA_BUNDLE or SSL_CERT_FILE where set. A mirror is a folder, or the address "
        "of "
        "one, that holds the files by their own names.",
    .options = options,
    .examples = examples,
    .run = run,
};
