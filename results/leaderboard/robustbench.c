/*
 * RobustBench's model_info: DATASET/THREAT/MODEL.json, every score a string, as in the
 * files of its repository. `autoattack_acc` is written only where the standard ensemble
 * ran with its standard parameters; what else ran is told in the footnote. What we cannot
 * know (title, authors, venue) comes from the model's metadata or stays empty.
 */
#include "results/leaderboard/json.h"

#include "base/file.h"
#include "base/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { THREATS = 4 };
static const char *const threats[THREATS] = {"Linf", "L2", "L1", "corruptions"};

/* The board's names for the sets that RobustBench has. */
static const char *dataset_name(const char *name)
{
    return strstr(name, "cifar100")   ? "cifar100"
           : strstr(name, "cifar10")  ? "cifar10"
           : strstr(name, "imagenet") ? "imagenet"
                                      : name;
}

static char *percent(double share)
{
    char number[16];
    return mem_copy(board_percent(share, number));
}

/* "8/255", "0.5": fractions of 255 as they are published. */
static char *eps_text(double eps)
{
    char number[32];
    double steps = eps * 255;
    return fabs(steps - round(steps)) < 1e-9 && steps >= 1
               ? mem_format("%.0f/255", steps)
               : mem_copy(text_number(eps, number));
}

static void put_text(cJSON *json, const char *key, char *takes)
{
    cJSON_AddStringToObject(json, key, takes);
    free(takes);
}

static cJSON *common(const struct board_section *section, const struct board_row *row)
{
    static const char *const known[] = {"link", "name", "authors", "venue", "architecture"};
    cJSON *json = cJSON_CreateObject(), *meta = cJSON_Parse(row->meta ? row->meta : "");
    const struct board_value *clean = &row->values[MEASURE_CLEAN];
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const char *value =
            cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(meta, known[i]));
        const char *fallback = i == 1 ? row->model : i == 4 ? row->arch : "";
        cJSON_AddStringToObject(json, known[i], value ? value : fallback);
    }
    cJSON *extra = cJSON_GetObjectItemCaseSensitive(meta, "additional_data");
    cJSON_AddBoolToObject(json, "additional_data", cJSON_IsTrue(extra));
    cJSON_AddNumberToObject(json, "number_forward_passes", 1);
    cJSON_AddStringToObject(json, "dataset", dataset_name(section->dataset));
    if (clean->present)
        put_text(json, "clean_acc", percent(clean->value));
    cJSON_Delete(meta);
    return json;
}

/* The standard ensemble says nothing after its name but eps. */
static bool standard_ensemble(const struct board_condition *condition)
{
    const char *label = condition->label, *rest = strchr(label, ' ');
    return !strncmp(label, "autoattack-", 11) &&
           (!rest || (!strncmp(rest, " eps=", 5) && !strchr(rest + 1, ' ')));
}

/* Of several radii the smallest that the ensemble ran at: one file names one eps. */
static cJSON *adversarial(const struct board_section *section, const struct board_row *row,
                          const char *norm)
{
    const struct board_condition *ensemble = NULL;
    const struct board_cell *cell = NULL;
    struct text others = {0};
    for (size_t c = 0; c < section->n_conditions; c++) {
        const struct board_condition *condition = &section->conditions[c];
        if (condition->kind != KIND_ADVERSARIAL || !row->cells[c] || !condition->norm ||
            strcmp(condition->norm, norm))
            continue;
        if (standard_ensemble(condition) && (!cell || condition->eps < ensemble->eps)) {
            ensemble = condition;
            cell = row->cells[c];
        } else {
            text_addf(&others, "%s%s: %.2f", others.data ? "; " : "", condition->label,
                      100 * row->cells[c]->acc);
        }
    }
    cJSON *json = NULL;
    if (cell || others.data) {
        json = common(section, row);
        if (cell) {
            put_text(json, "eps", eps_text(ensemble->eps));
            put_text(json, "autoattack_acc", percent(cell->acc));
            put_text(json, "reported", percent(cell->acc));
        } else {
            cJSON_AddNullToObject(json, "eps");
        }
        cJSON_AddBoolToObject(json, "unreliable", row->unreliable);
        cJSON_AddItemToObject(json, "footnote",
                              others.data ? cJSON_CreateString(others.data)
                                          : cJSON_CreateNull());
    }
    text_clear(&others);
    return json;
}

/* Mean over all fifteen corruptions at all five severities, or nothing. */
static cJSON *corruptions(const struct board_section *section, const struct board_row *row)
{
    static const char names[] =
        " gaussian_noise shot_noise impulse_noise defocus_blur glass_blur motion_blur "
        "zoom_blur snow frost fog brightness contrast elastic_transform pixelate "
        "jpeg_compression ";
    double sum = 0;
    int count = 0;
    for (size_t c = 0; c < section->n_conditions; c++) {
        const struct board_condition *condition = &section->conditions[c];
        char *padded = mem_format(" %s ", condition->noise);
        char *plain = mem_format("%s:%d", condition->noise, condition->severity);
        if (condition->kind == KIND_NATURAL && row->cells[c] && strstr(names, padded) &&
            !strcmp(condition->label, plain)) {
            sum += row->cells[c]->acc;
            count++;
        }
        free(padded);
        free(plain);
    }
    if (count != 75)
        return NULL;
    cJSON *json = common(section, row);
    cJSON_AddNullToObject(json, "eps");
    put_text(json, "corruptions_acc", percent(sum / 75));
    put_text(json, "reported", percent(sum / 75));
    const struct board_value *mce = &row->values[MEASURE_MCE];
    if (mce->present)
        put_text(json, "corruptions_mce", percent(mce->value / 100));
    cJSON_AddBoolToObject(json, "unreliable", false);
    cJSON_AddNullToObject(json, "footnote");
    return json;
}

/* Gives each file's path and text to `take`. */
static enum status each_file(const struct board *board, void *context,
                             enum status (*take)(void *context, const char *path,
                                                 const char *text))
{
    enum status st = OK;
    for (size_t s = 0; s < board->n_sections && !st; s++)
        for (size_t r = 0; r < board->sections[s].n_rows && !st; r++)
            for (int t = 0; t < THREATS && !st; t++) {
                const struct board_section *section = &board->sections[s];
                const struct board_row *row = &section->rows[r];
                cJSON *json = t < 3 ? adversarial(section, row, threats[t])
                                    : corruptions(section, row);
                if (!json)
                    continue;
                char *path = mem_format("%s/%s/%s%s%s.json", dataset_name(section->dataset),
                                        threats[t], row->model, *row->variant ? "-" : "",
                                        row->variant);
                char *text = cJSON_Print(json);
                st = take(context, path, text);
                free(text);
                free(path);
                cJSON_Delete(json);
            }
    return st;
}

struct stream {
    FILE *out;
    bool more;
};

static enum status print_file(void *context, const char *path, const char *text)
{
    struct stream *stream = context;
    struct text name = {0};
    json_string(&name, path);
    fprintf(stream->out, "%s%s: %s", stream->more ? ",\n" : "{\n", name.data, text);
    stream->more = true;
    text_clear(&name);
    return OK;
}

static enum status write_stream(struct store *store, const struct board *board,
                                const struct leaderboard_options *options, FILE *out)
{
    (void)store, (void)options;
    struct stream stream = {out, false};
    enum status st = each_file(board, &stream, print_file);
    fputs(stream.more ? "\n}\n" : "{}\n", out);
    return st;
}

static enum status save_file(void *context, const char *path, const char *text)
{
    char *full = mem_format("%s/%s", (const char *)context, path);
    char *slash = strrchr(full, '/');
    *slash = 0;
    enum status st = file_make_folder(full);
    *slash = '/';
    if (!st)
        st = file_replace(full, text, strlen(text));
    free(full);
    return st;
}

static enum status write_tree(struct store *store, const struct board *board,
                              const char *folder)
{
    (void)store;
    char *copy = mem_copy(folder);
    enum status st = each_file(board, copy, save_file);
    free(copy);
    return st;
}

const struct leaderboard_format leaderboard_robustbench = {
    .name = "robustbench",
    .summary = "RobustBench's model_info files, one per model and threat",
    .extension = "json",
    .write = write_stream,
    .write_files = write_tree,
};
