/*
 * How steady networks are over perturbation sequences (Hendrycks & Dietterich, ICLR 2019):
 * flip probability and top-5 distance, and, against a baseline network on the same
 * pictures, mFR and mT5D. Means are over the ten sequences of ImageNet-P that were run;
 * the others are shown one by one.
 */
#include "results/board_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const ten[] = {
    "gaussian_noise-p", "shot_noise-p", "motion_blur-p", "zoom_blur-p", "snow-p",
    "brightness-p",     "translate-p",  "rotate-p",      "tilt-p",      "scale-p",
};

static bool is_of_ten(const char *sequence)
{
    for (size_t i = 0; i < sizeof ten / sizeof *ten; i++)
        if (!strcmp(sequence, ten[i]))
            return true;
    return false;
}

/* A JSON array of counts per picture as rates; null, a picture that failed, is the mean. */
static double *read_rates(struct arena *arena, const char *json, int64_t n, int pairs,
                          double mean)
{
    double *rates = arena_alloc(arena, (size_t)n * sizeof *rates);
    const char *at = json;
    for (int64_t i = 0; i < n; i++) {
        char *end = NULL;
        rates[i] = mean;
        if (!at || (*at != '[' && *at != ','))
            continue; /* shorter than it should be: doctor says so */
        long count = strtol(at + 1, &end, 10);
        if (end > at + 1)
            rates[i] = (double)count / pairs;
        at += 1 + strcspn(at + 1, ",]");
    }
    return rates;
}

static int row_of(const struct board_section *section, int64_t model_id)
{
    for (size_t r = 0; r < section->n_rows; r++)
        if (section->rows[r].model_id == model_id)
            return (int)r;
    return -1;
}

static struct board_stability *line_for(struct board_section *section, int row,
                                        int difficulty)
{
    size_t n = section->n_stabilities;
    struct board_stability *last = n ? &section->stabilities[n - 1] : NULL;
    if (last && last->row == row && last->difficulty == difficulty)
        return last;
    section->stabilities = mem_grow(section->stabilities, n + 1, sizeof *last);
    section->n_stabilities = n + 1;
    section->stabilities[n] = (struct board_stability){.row = row, .difficulty = difficulty};
    return &section->stabilities[n];
}

static void add_sequence(struct arena *arena, struct board_section *section,
                         const struct query *query)
{
    int row = row_of(section, query_int(query, 0)), pairs = (int)query_int(query, 3);
    if (row < 0)
        return; /* of a model that the filters leave out */
    struct board_stability *line = line_for(section, row, (int)query_int(query, 1));
    struct board_sequence *entry = &line->sequences[line->n_sequences++];
    const char *name = query_text(query, 2);
    *entry = (struct board_sequence){
        .name = arena_copy(arena, name),
        .counts = is_of_ten(name),
        .flip_rate = query_real(query, 4),
        .top5_distance = query_real(query, 5),
        .right = query_real(query, 6),
    };
    entry->flips =
        read_rates(arena, query_text(query, 7), section->n, pairs, entry->flip_rate);
    entry->spread =
        read_rates(arena, query_text(query, 8), section->n, pairs, entry->top5_distance);
    line->counted += entry->counts;
}

static enum status read_lines(sqlite3 *db, struct arena *arena,
                              struct board_section *section)
{
    struct query query;
    int64_t any = 0;
    enum status st = sql_int(db, 0, &any, "SELECT EXISTS(SELECT 1 FROM sequence)", "");
    if (st || !any) /* most stores: spare the view */
        return st;
    query_begin(&query, db,
                "SELECT s.model_id, s.difficulty, s.sequence, s.pairs, s.flip_rate,"
                " s.top5_distance, s.right_in_all, q.flips, q.spread FROM stability s JOIN"
                " sequence q USING(cell_id) WHERE s.subset_id = ? AND s.condition IN"
                " (s.sequence, s.sequence || ':' || s.difficulty)"
                " ORDER BY s.difficulty, s.model_id, s.sequence", "i", section->subset_id);
    while (query_row(&query))
        add_sequence(arena, section, &query);
    return query_end(&query);
}

/* ---- means ---- */

/* The same sequence of the baseline's line, or NULL. */
static const struct board_sequence *same(const struct board_stability *line,
                                         const char *name)
{
    for (int i = 0; line && i < line->n_sequences; i++)
        if (!strcmp(line->sequences[i].name, name))
            return &line->sequences[i];
    return NULL;
}

/* The mean over the counted sequences, each by a weight: 1, or 100 over the baseline's. */
static struct board_value mean(const struct board_section *section,
                               const struct board_stability *line,
                               const struct board_stability *baseline, bool distance,
                               const struct bootstrap *bootstrap)
{
    struct board_value none = {.condition = -1}, value = none;
    double *x = mem_array((size_t)section->n, sizeof *x);
    int count = 0;
    for (int s = 0; s < line->n_sequences; s++) {
        const struct board_sequence *own = &line->sequences[s];
        const struct board_sequence *other = same(baseline, own->name);
        double weight = 1;
        if (!own->counts)
            continue;
        if (baseline)
            weight = !other ? (double)NAN
                     : 100 / (distance ? other->top5_distance : other->flip_rate);
        for (int64_t i = 0; i < section->n; i++)
            x[i] += weight * (distance ? own->spread[i] : own->flips[i]);
        count++;
    }
    bool finite = true;
    for (int64_t i = 0; i < section->n; i++) {
        x[i] /= count;
        finite = finite && isfinite(x[i]);
    }
    if (count && finite)
        value = board_of_images(x, (size_t)section->n, count, bootstrap);
    free(x);
    return value;
}

static const struct board_stability *baseline_of(const struct board_section *section,
                                                 int difficulty)
{
    for (size_t i = 0; i < section->n_stabilities; i++)
        if (section->stabilities[i].row == section->baseline_row &&
            section->stabilities[i].difficulty == difficulty)
            return &section->stabilities[i];
    return NULL;
}

/* Best first, difficulty by difficulty. */
static int by_flips(const void *a, const void *b)
{
    const struct board_stability *x = a, *y = b;
    if (x->difficulty != y->difficulty)
        return x->difficulty - y->difficulty;
    if (x->counted != y->counted)
        return y->counted - x->counted;
    if (x->flips.value != y->flips.value)
        return x->flips.value < y->flips.value ? -1 : 1;
    return x->row - y->row;
}

enum status board_stability(sqlite3 *db, struct board *board, struct board_section *section,
                            const struct bootstrap *bootstrap)
{
    enum status st = read_lines(db, &board->arena, section);
    for (size_t i = 0; i < section->n_stabilities; i++) {
        struct board_stability *line = &section->stabilities[i];
        const struct board_stability *baseline = baseline_of(section, line->difficulty);
        double right = 0;
        for (int s = 0; s < line->n_sequences; s++)
            right += line->sequences[s].counts ? line->sequences[s].right : 0;
        line->right = line->counted ? right / line->counted : (double)NAN;
        line->flips = mean(section, line, NULL, false, bootstrap);
        line->top5_distance = mean(section, line, NULL, true, bootstrap);
        line->mfr = line->mt5d = (struct board_value){.condition = -1};
        if (!baseline)
            continue;
        line->mfr = mean(section, line, baseline, false, bootstrap);
        line->mt5d = mean(section, line, baseline, true, bootstrap);
    }
    if (section->n_stabilities)
        qsort(section->stabilities, section->n_stabilities, sizeof *section->stabilities,
              by_flips);
    return st;
}
