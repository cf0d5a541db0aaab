/*
 * Decoder x resizer, after RobustART's ImageNet-S: what the accuracy is worth when the
 * deployed pipeline is not the training one. A pair is a condition that names a decoder,
 * a resizer or both and nothing else; what is not named is the model's own.
 */
#include "results/board_parts.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct pair {
    const char *decoder, *resizer;
    const struct board_cell *cell;
};

static const char *own(struct arena *arena, const char *preproc, const char *key)
{
    cJSON *json = cJSON_Parse(preproc ? preproc : "");
    const char *value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, key));
    const char *copy = value ? arena_copy(arena, value) : "own";
    cJSON_Delete(json);
    return copy;
}

/* False when the label says more than decode= and resize=. */
static bool read_pair(struct arena *arena, const char *label, struct pair *pair)
{
    char *copy = arena_copy(arena, label), *rest = NULL;
    bool named = false;
    for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        if (!strncmp(word, "decode=", 7))
            pair->decoder = word + 7;
        else if (!strncmp(word, "resize=", 7))
            pair->resizer = word + 7;
        else if (strcmp(word, "+"))
            return false;
        named = true;
    }
    return named;
}

static size_t index_of(const char **names, size_t *count, const char *name)
{
    for (size_t i = 0; i < *count; i++)
        if (!strcmp(names[i], name))
            return i;
    names[*count] = name;
    return (*count)++;
}

/* The pairs of a row, the clean cell first: it is the training pair. */
static size_t gather(struct arena *arena, const struct board_section *section,
                     const struct board_row *row, struct pair *pairs)
{
    struct pair training = {own(arena, row->preproc, "decoder"),
                            own(arena, row->preproc, "resizer"), board_clean(section, row)};
    size_t count = 0;
    if (training.cell)
        pairs[count++] = training;
    for (size_t c = 0; c < section->n_conditions; c++) {
        struct pair pair = training;
        pair.cell = row->cells[c];
        if (section->conditions[c].kind == KIND_SYSTEM && pair.cell &&
            read_pair(arena, section->conditions[c].label, &pair))
            pairs[count++] = pair;
    }
    return count;
}

/* One bit per image: right under every pair. */
static uint8_t *right_under_all(const struct board_section *section,
                                const struct board_matrix *matrix)
{
    size_t bytes = (size_t)(section->n + 7) / 8;
    uint8_t *all = mem_array(bytes, 1);
    memset(all, 0xff, bytes);
    for (size_t i = 0; i < matrix->n_decoders * matrix->n_resizers; i++)
        for (size_t b = 0; matrix->cells[i] && b < bytes; b++)
            all[b] &= matrix->cells[i]->ok[b];
    return all;
}

static void summarize(const struct board_section *section, struct board_matrix *matrix)
{
    size_t room = matrix->n_decoders * matrix->n_resizers, count = 0;
    double sum = 0, squares = 0;
    matrix->worst = -1;
    for (size_t i = 0; i < room; i++) {
        const struct board_cell *cell = matrix->cells[i];
        if (!cell)
            continue;
        sum += cell->acc;
        matrix->max = count && matrix->max > cell->acc ? matrix->max : cell->acc;
        if (matrix->worst < 0 || cell->acc < matrix->min) {
            matrix->worst = (int)i;
            matrix->min = cell->acc;
        }
        count++;
    }
    matrix->mean = sum / (double)count;
    for (size_t i = 0; i < room; i++)
        if (matrix->cells[i])
            squares += pow(matrix->cells[i]->acc - matrix->mean, 2);
    matrix->sd = count > 1 ? sqrt(squares / (double)(count - 1)) : 0;
    uint8_t *all = right_under_all(section, matrix);
    int64_t right = 0;
    for (int64_t b = 0; b < (section->n + 7) / 8; b++)
        right += __builtin_popcount(all[b]);
    matrix->persample_worst = (double)right / (double)section->n;
    free(all);
}

static enum status read_top1(sqlite3 *db, int64_t cell_id, long *top1, int64_t n)
{
    char *json = NULL;
    enum status st = sql_text(db, &json, "SELECT top1 FROM pred WHERE cell_id = ?", "i",
                              cell_id);
    char *at = json;
    for (int64_t i = 0; i < n; i++)
        top1[i] = at && (*at == '[' || *at == ',') ? strtol(at + 1, &at, 10) : -1;
    free(json);
    return st;
}

/* Adds 1 to x[i] where the predictions for image i differ, wrong ones included. */
static enum status add_flips(sqlite3 *db, int64_t cell_id, const long *own, int64_t n,
                             double *x)
{
    long *top1 = mem_array((size_t)n, sizeof *top1);
    enum status st = read_top1(db, cell_id, top1, n);
    for (int64_t i = 0; !st && i < n; i++)
        x[i] += top1[i] != own[i];
    free(top1);
    return st;
}

/* Everything that is paired with the model's own pair, by images. */
static enum status compare(sqlite3 *db, const struct board_section *section,
                           const struct bootstrap *bootstrap, struct board_matrix *matrix)
{
    size_t n = (size_t)section->n;
    double *change = mem_array(n, sizeof *change), *flips = mem_array(n, sizeof *flips);
    long *own = mem_array(n, sizeof *own);
    int others = 0;
    enum status st = read_top1(db, matrix->own->cell_id, own, section->n);
    for (size_t i = 0; !st && i < matrix->n_decoders * matrix->n_resizers; i++) {
        const struct board_cell *cell = matrix->cells[i];
        if (!cell || cell == matrix->own)
            continue;
        board_add_bits(cell, 1, change);
        board_add_bits(matrix->own, -1, change);
        st = add_flips(db, cell->cell_id, own, section->n, flips);
        others++;
    }
    for (size_t i = 0; others && i < n; i++) {
        change[i] /= others;
        flips[i] /= others;
    }
    if (others) {
        matrix->mean_delta = board_of_images(change, n, others, bootstrap);
        matrix->flips = board_of_images(flips, n, others, bootstrap);
        matrix->flip_rate = matrix->flips.value;

        uint8_t *all = right_under_all(section, matrix);
        const struct board_cell worst = {.ok = all, .n = section->n};
        memset(change, 0, n * sizeof *change);
        board_add_bits(&worst, 1, change);
        board_add_bits(matrix->own, -1, change);
        matrix->persample_delta = board_of_images(change, n, others, bootstrap);
        free(all);
    }
    free(change);
    free(flips);
    free(own);
    matrix->worst_delta = board_delta(matrix->cells[matrix->worst]);
    return st;
}

static enum status make(sqlite3 *db, struct board *board, struct board_section *section,
                        int row, const struct bootstrap *bootstrap,
                        struct board_matrix *matrix)
{
    struct arena *arena = &board->arena;
    size_t room = section->n_conditions + 1;
    struct pair *pairs = mem_array(room, sizeof *pairs);
    size_t count = gather(arena, section, &section->rows[row], pairs);
    *matrix = (struct board_matrix){
        .row = row,
        .own = board_clean(section, &section->rows[row]),
        .flip_rate = (double)NAN,
    };
    matrix->decoders = arena_alloc(arena, room * sizeof *matrix->decoders);
    matrix->resizers = arena_alloc(arena, room * sizeof *matrix->resizers);
    enum status st = OK;
    for (size_t i = 0; i < count; i++) {
        index_of(matrix->decoders, &matrix->n_decoders, pairs[i].decoder);
        index_of(matrix->resizers, &matrix->n_resizers, pairs[i].resizer);
    }
    if (count > 1) {
        matrix->cells = arena_alloc(arena, matrix->n_decoders * matrix->n_resizers *
                                               sizeof *matrix->cells);
        for (size_t i = count; i-- > 0;) /* the clean cell, first, has the last word */
            matrix->cells[index_of(matrix->decoders, &matrix->n_decoders, pairs[i].decoder) *
                              matrix->n_resizers +
                          index_of(matrix->resizers, &matrix->n_resizers, pairs[i].resizer)] =
                pairs[i].cell;
        summarize(section, matrix);
        if (matrix->own)
            st = compare(db, section, bootstrap, matrix);
    }
    free(pairs);
    return st;
}

enum status board_matrices(sqlite3 *db, struct board *board, struct board_section *section,
                           const struct bootstrap *bootstrap)
{
    enum status st = OK;
    for (size_t i = 0; i < section->n_rows && !st; i++) {
        struct board_matrix matrix;
        st = make(db, board, section, (int)i, bootstrap, &matrix);
        if (st || !matrix.cells)
            continue;
        section->matrices = mem_grow(section->matrices, section->n_matrices + 1,
                                     sizeof *section->matrices);
        section->matrices[section->n_matrices++] = matrix;
    }
    return st;
}
