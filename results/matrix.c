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
    struct pair training = {own(arena, row->preproc, "decode"),
                            own(arena, row->preproc, "resize"), board_clean(section, row)};
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

static void summarize(const struct board_section *section, struct board_matrix *matrix)
{
    size_t room = matrix->n_decoders * matrix->n_resizers, count = 0;
    size_t bytes = (size_t)(section->n + 7) / 8;
    uint8_t *all = mem_array(bytes, 1);
    memset(all, 0xff, bytes);
    double sum = 0, squares = 0;
    matrix->worst = -1;
    for (size_t i = 0; i < room; i++) {
        const struct board_cell *cell = matrix->cells[i];
        if (!cell)
            continue;
        for (size_t b = 0; b < bytes; b++)
            all[b] &= cell->ok[b];
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
    int64_t right = 0;
    for (size_t b = 0; b < bytes; b++)
        right += __builtin_popcount(all[b]);
    matrix->persample_worst = (double)right / (double)section->n;
    free(all);
}

/* How many of the predictions differ, wrong ones included. */
static enum status count_flips(sqlite3 *db, int64_t a, int64_t b, int64_t *flips)
{
    char *left = NULL, *right = NULL;
    *flips = 0;
    enum status st = sql_text(db, &left, "SELECT top1 FROM pred WHERE cell_id = ?", "i", a);
    if (!st)
        st = sql_text(db, &right, "SELECT top1 FROM pred WHERE cell_id = ?", "i", b);
    for (char *l = left, *r = right; !st && l && r && *l && *r;) {
        *flips += strtol(l + 1, &l, 10) != strtol(r + 1, &r, 10);
        if (*l != ',' || *r != ',')
            break;
    }
    free(left);
    free(right);
    return st;
}

static enum status flip_rate(sqlite3 *db, const struct board_section *section,
                             const struct board_cell *clean, struct board_matrix *matrix)
{
    int64_t total = 0, flips = 0, count = 0;
    matrix->flip_rate = (double)NAN;
    for (size_t i = 0; clean && i < matrix->n_decoders * matrix->n_resizers; i++) {
        if (!matrix->cells[i] || matrix->cells[i] == clean)
            continue;
        enum status st = count_flips(db, clean->cell_id, matrix->cells[i]->cell_id, &flips);
        if (st)
            return st;
        total += flips;
        count++;
    }
    if (count)
        matrix->flip_rate = (double)total / (double)(count * section->n);
    return OK;
}

static enum status make(sqlite3 *db, struct board *board, struct board_section *section,
                        int row, struct board_matrix *matrix)
{
    struct arena *arena = &board->arena;
    size_t room = section->n_conditions + 1;
    struct pair *pairs = mem_array(room, sizeof *pairs);
    size_t count = gather(arena, section, &section->rows[row], pairs);
    *matrix = (struct board_matrix){.row = row};
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
        st = flip_rate(db, section, board_clean(section, &section->rows[row]), matrix);
    }
    free(pairs);
    return st;
}

enum status board_matrices(sqlite3 *db, struct board *board, struct board_section *section)
{
    enum status st = OK;
    for (size_t i = 0; i < section->n_rows && !st; i++) {
        struct board_matrix matrix;
        st = make(db, board, section, (int)i, &matrix);
        if (st || !matrix.cells)
            continue;
        section->matrices = mem_grow(section->matrices, section->n_matrices + 1,
                                     sizeof *section->matrices);
        section->matrices[section->n_matrices++] = matrix;
    }
    return st;
}
