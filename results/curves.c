/* Accuracy against radius, from the view of that name. */
#include "results/board_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MODEL_ID, ATTACK, NORM, EPS, ACC, MEDIAN };

static int row_of(const struct board_section *section, int64_t model_id)
{
    for (size_t i = 0; i < section->n_rows; i++)
        if (section->rows[i].model_id == model_id)
            return (int)i;
    return -1; /* a filter left it out */
}

static void add_point(struct arena *arena, struct board_curve *curve, double eps, double acc)
{
    size_t n = curve->n_points++;
    double *both = arena_alloc(arena, 2 * (n + 1) * sizeof *both);
    if (n) {
        memcpy(both, curve->eps, n * sizeof *both);
        memcpy(both + n + 1, curve->acc, n * sizeof *both);
    }
    both[n] = eps;
    both[2 * n + 1] = acc;
    curve->eps = both;
    curve->acc = both + n + 1;
}

/* One radius is no curve, unless the smallest distance is known. */
static void drop_single(struct board_section *section)
{
    size_t n = section->n_curves;
    if (n && section->curves[n - 1].n_points < 2 && isnan(section->curves[n - 1].median))
        section->n_curves--;
}

enum status board_curves(sqlite3 *db, struct board *board, struct board_section *section)
{
    struct arena *arena = &board->arena;
    struct query query;
    query_begin(&query, db,
                "SELECT model_id, attack || ifnull(iif(instr(attack, source), '', ' source=' ||"
                " source), ''), norm, eps, acc, median FROM curve WHERE subset_id = ?"
                " ORDER BY norm DESC, 2, model_id, eps", "i", section->subset_id);
    while (query_row(&query)) {
        int row = row_of(section, query_int(&query, MODEL_ID));
        const char *attack = query_text(&query, ATTACK), *norm = query_text(&query, NORM);
        struct board_curve *last =
            section->n_curves ? &section->curves[section->n_curves - 1] : NULL;
        if (row < 0 || query_null(&query, EPS))
            continue;
        if (!last || last->row != row || strcmp(last->attack, attack)) {
            drop_single(section);
            section->curves = mem_grow(section->curves, section->n_curves + 1,
                                       sizeof *section->curves);
            last = &section->curves[section->n_curves++];
            *last = (struct board_curve){.row = row, .median = query_real(&query, MEDIAN)};
            last->attack = arena_copy(arena, attack);
            last->norm = arena_copy(arena, norm ? norm : "");
        }
        add_point(arena, last, query_real(&query, EPS), query_real(&query, ACC));
    }
    drop_single(section);
    return query_end(&query);
}
