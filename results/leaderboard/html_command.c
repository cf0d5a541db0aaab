/*
 * The command that gives a number again: the network's file and the data's path as its run
 * had them, the overrides that its variant tells, and the subset's samples.
 */
#include "results/leaderboard/html.h"

#include "base/json.h"

#include <stdlib.h>
#include <string.h>

static void shell_word(struct text *text, const char *word)
{
    if (word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                          "_-.,:/=+@%")] == 0 && *word) {
        text_add(text, word);
        return;
    }
    text_add(text, "'");
    for (; *word; word++)
        if (*word == '\'')
            text_add(text, "'\\''");
        else
            text_add_bytes(text, word, 1);
    text_add(text, "'");
}

/* Is `path` the file of what is called `name`: "nets/resnet20.onnx", resnet20? */
static bool named(const char *path, const char *name)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    size_t length = strlen(name);
    return !strncmp(base, name, length) && (!base[length] || base[length] == '.');
}

/* The entry of a list in a suite's JSON that a name belongs to; the only one otherwise. */
static const cJSON *entry_of(const cJSON *config, const char *list, const char *key,
                             const char *name)
{
    const cJSON *array = cJSON_GetObjectItemCaseSensitive(config, list), *entry;
    cJSON_ArrayForEach(entry, array)
    {
        const char *own = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(entry, "name"));
        const char *path = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(entry, key));
        if (own ? !strcmp(own, name) : path && named(path, name))
            return entry;
    }
    return cJSON_GetArraySize(array) == 1 ? cJSON_GetArrayItem(array, 0) : NULL;
}

static void add_option(struct text *out, const char *option, const char *value)
{
    text_addf(out, " --%s ", option);
    shell_word(out, value);
}

static const char *member(const cJSON *entry, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(entry, key));
}

/* "w8a8 mean=0.5 0.5 0.5 resize=256": words from one with '=' to the next are a value. */
static void add_overrides(struct text *out, const char *variant)
{
    char *copy = mem_copy(variant), *rest = NULL;
    struct text value = {0};
    for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        bool first = strchr(word, '=') != NULL;
        if (first && value.size)
            add_option(out, "set", value.data);
        if (first)
            text_clear(&value);
        if (first || value.size)
            text_addf(&value, "%s%s", first ? "" : " ", word);
    }
    if (value.size)
        add_option(out, "set", value.data);
    text_clear(&value);
    free(copy);
}

static void add_data(struct text *out, const struct board_section *section,
                     const cJSON *config, int64_t seed)
{
    const cJSON *entry = entry_of(config, "datasets", "path", section->dataset);
    const char *path = member(entry, "path"), *classes = member(entry, "classes");
    const char *sampling = strstr(section->subset, "sampling=");
    long long limit;
    add_option(out, "dataset", path ? path : section->dataset);
    if (classes)
        add_option(out, "classes", classes);
    if (strstr(section->subset, "among=present"))
        text_add(out, " --among present");
    if (sampling)
        text_addf(out, " --sampling %.*s", (int)strcspn(sampling + 9, " "), sampling + 9);
    if (sscanf(section->subset, "limit=%lld", &limit) == 1)
        text_addf(out, " --limit %lld", limit);
    if (seed)
        text_addf(out, " --seed %lld", (long long)seed);
}

/* The run of the row's last condition: cells of one row share their command. */
static enum status put_row(sqlite3 *db, const struct board_section *section,
                           const struct board_row *row, struct text *model, struct text *data)
{
    struct query query;
    int64_t cell = 0;
    for (size_t c = 0; c < section->n_conditions; c++)
        if (row->cells[c])
            cell = row->cells[c]->cell_id;
    query_begin(&query, db, "SELECT r.config, r.seed FROM cell c JOIN run r USING(run_id)"
                " WHERE c.cell_id = ?", "i", cell);
    bool known = query_row(&query);
    cJSON *config = known ? cJSON_Parse(query_text(&query, 0)) : NULL;
    const cJSON *entry = entry_of(config, "models", "file", row->model);
    const char *file = member(entry, "file");
    add_option(model, "model", file ? file : row->model);
    add_overrides(model, row->variant);
    add_data(data, section, config, known ? query_int(&query, 1) : 0);
    cJSON_Delete(config);
    return query_end(&query);
}

static void put_list(struct text *out, const char *name, const struct text *items, size_t n)
{
    text_addf(out, "\"%s\":[", name);
    for (size_t i = 0; i < n; i++) {
        text_add(out, i ? ",\n" : "\n");
        json_string(out, items[i].data);
    }
    text_add(out, "]");
}

static void clear(struct text *items, size_t n)
{
    for (size_t i = 0; i < n; i++)
        text_clear(&items[i]);
    free(items);
}

enum status html_commands(sqlite3 *db, const struct board_section *section, struct text *out)
{
    size_t rows = section->n_rows, conditions = section->n_conditions;
    struct text *models = mem_array(rows + 1, sizeof *models);
    struct text *data = mem_array(rows + 1, sizeof *data);
    struct text *noises = mem_array(conditions + 1, sizeof *noises);
    enum status st = OK;
    for (size_t r = 0; r < rows && !st; r++)
        st = put_row(db, section, &section->rows[r], &models[r], &data[r]);
    for (size_t c = 0; c < conditions; c++)
        if (section->conditions[c].kind != KIND_WORST) /* a suite's, from several */
            add_option(&noises[c], "noise", section->conditions[c].label);
    text_add(out, "{");
    put_list(out, "models", models, rows);
    text_add(out, ",\n");
    put_list(out, "data", data, rows);
    text_add(out, ",\n");
    put_list(out, "noises", noises, conditions);
    text_add(out, "}");
    clear(models, rows);
    clear(data, rows);
    clear(noises, conditions);
    return st;
}
