/*
 * Mean corruption error (Hendrycks & Dietterich, ICLR 2019): mean over the fifteen
 * corruptions of sum_s E(c,s) / sum_s E_AlexNet(c,s), in percent; relative mCE takes both
 * networks' clean errors off first. Both are linear in the images, so that their
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

enum status board_baseline(sqlite3 *db, struct board *board, struct board_section *section)
{
    double *plain = arena_alloc(&board->arena, section->n_conditions * sizeof *plain);
    double *relative = arena_alloc(&board->arena, section->n_conditions * sizeof *plain);
    int found = 0;
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
        plain[c] = 100.0 / CORRUPTIONS / query_real(&query, 2);
        relative[c] = 100.0 / CORRUPTIONS / query_real(&query, 3);
        found++;
    }
    if (section->n_classes == 1000 && found == CORRUPTIONS * SEVERITIES) {
        section->mce = plain;
        section->relative_mce = relative;
    }
    return query_end(&query);
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
