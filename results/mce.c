/*
 * Mean corruption error (Hendrycks & Dietterich, ICLR 2019): mean over the fifteen
 * corruptions of sum_s E(c,s) / sum_s E_baseline(c,s), in percent; relative mCE takes both
 * networks' clean errors off first. The baseline is AlexNet as published, for a thousand
 * classes, or a row of the board, whose own mCE is then 100. Both are linear in the images, so that their
 * intervals come from per-image values like any mean's.
 */
#include "results/board_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CORRUPTIONS = 15, SEVERITIES = 5 };

/* The condition that is this corruption and nothing else, or -1. */
static int find(const struct board_section *section, const char *noise, int severity)
{
    char label[96];
    snprintf(label, sizeof label, "%s:%d", noise, severity);
    for (size_t c = 0; c < section->n_conditions; c++)
        if (section->conditions[c].kind == KIND_NATURAL &&
            !strcmp(section->conditions[c].label, label))
            return (int)c;
    return -1;
}

/* Sums over severities of a baseline network's errors, and of those beyond its clean one,
 * by condition; how many conditions have them. */
static enum status published(sqlite3 *db, const struct board_section *section,
                             double *errors, double *beyond, int *found)
{
    struct query query;
    query_begin(&query, db,
                "SELECT b.corruption, b.severity,"
                " sum(b.err) OVER c, sum(b.err - k.err) OVER c"
                " FROM baseline b JOIN baseline k ON k.name = b.name AND"
                " k.corruption = 'clean' WHERE b.name = 'alexnet' AND b.severity > 0"
                " WINDOW c AS (PARTITION BY b.corruption)", "");
    while (query_row(&query)) {
        int c = find(section, query_text(&query, 0), (int)query_int(&query, 1));
        if (c < 0)
            continue;
        errors[c] = query_real(&query, 2);
        beyond[c] = query_real(&query, 3);
        ++*found;
    }
    return query_end(&query);
}

/* The same from a row of the section; the corruptions are those of the table. */
static enum status measured(sqlite3 *db, const struct board_section *section,
                            double *errors, double *beyond, int *found)
{
    const struct board_row *row = &section->rows[section->baseline_row];
    const struct board_cell *clean = board_clean(section, row);
    struct query query;
    query_begin(&query, db, "SELECT DISTINCT corruption FROM baseline WHERE name = 'alexnet'"
                            " AND severity > 0", "");
    while (query_row(&query)) {
        double sum = 0, excess = 0;
        int at[SEVERITIES], count = 0;
        for (int severity = 1; severity <= SEVERITIES; severity++) {
            int c = find(section, query_text(&query, 0), severity);
            if (c < 0 || !row->cells[c])
                continue;
            sum += 1 - row->cells[c]->acc;
            excess += clean ? clean->acc - row->cells[c]->acc : 0;
            at[count++] = c;
        }
        for (int i = 0; i < count; i++) {
            errors[at[i]] = sum;
            beyond[at[i]] = excess > 0 ? excess : -1;
        }
        *found += sum > 0 ? count : 0;
    }
    return query_end(&query);
}

enum status board_baseline(sqlite3 *db, struct board *board, struct board_section *section)
{
    double *plain = arena_alloc(&board->arena, section->n_conditions * sizeof *plain);
    double *relative = arena_alloc(&board->arena, section->n_conditions * sizeof *plain);
    bool own = section->baseline_row >= 0, above = true;
    int found = 0;
    if (!own && (board->baseline || section->n_classes != 1000))
        return OK; /* AlexNet is no measure of other classes */
    enum status st = own ? measured(db, section, plain, relative, &found)
                         : published(db, section, plain, relative, &found);
    if (found < CORRUPTIONS * SEVERITIES)
        return st;
    for (size_t c = 0; c < section->n_conditions; c++) {
        above = above && relative[c] >= 0;
        plain[c] = plain[c] > 0 ? 100.0 / CORRUPTIONS / plain[c] : 0;
        relative[c] = relative[c] > 0 ? 100.0 / CORRUPTIONS / relative[c] : 0;
    }
    section->mce = plain;
    section->relative_mce = above ? relative : NULL; /* a gain by noise is no unit */
    return st;
}

bool board_mce(const struct board_section *section, const struct board_row *row,
               bool relative, double weight, double *x)
{
    const double *weights = relative ? section->relative_mce : section->mce;
    const struct board_cell *clean = board_clean(section, row);
    if (!weights || (relative && !clean))
        return false;
    for (size_t c = 0; c < section->n_conditions; c++)
        if (weights[c] != 0 && !row->cells[c])
            return false;
    double all = 0;
    for (size_t c = 0; c < section->n_conditions; c++) {
        all += weights[c];
        if (weights[c] != 0)
            board_add_bits(row->cells[c], -weight * weights[c], x);
    }
    if (relative)
        board_add_bits(clean, weight * all, x);
    for (int64_t i = 0; !relative && i < section->n; i++)
        x[i] += weight * all;
    return true;
}
