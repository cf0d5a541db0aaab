/*
 * The robustness cost of compression: a compressed network beside its full-precision twin,
 * on the same images under the same conditions. The difference per image is averaged over
 * a family's conditions first, then over images, and images are what is resampled.
 */
#include "results/board_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One kind, over the conditions that both have met; no line where there are none. */
static bool compare(const struct board_section *section, const struct board_row *row,
                    const struct board_row *twin, enum board_kind kind,
                    const struct bootstrap *bootstrap, double *x,
                    struct board_twin_line *line)
{
    size_t n = (size_t)section->n;
    *line = (struct board_twin_line){.kind = kind};
    memset(x, 0, n * sizeof *x);
    for (size_t c = 0; c < section->n_conditions; c++) {
        const struct board_cell *mine = row->cells[c], *other = twin->cells[c];
        if (section->conditions[c].kind != kind || !mine || !other)
            continue;
        line->conditions++;
        line->acc += mine->acc;
        line->twin_acc += other->acc;
        board_add_bits(mine, 1, x);
        board_add_bits(other, -1, x);
    }
    if (!line->conditions)
        return false;
    line->acc /= line->conditions;
    line->twin_acc /= line->conditions;
    for (size_t i = 0; i < n; i++)
        x[i] /= line->conditions;
    line->difference = board_of_images(x, n, line->conditions, bootstrap);
    const struct board_cell *clean = board_clean(section, row);
    const struct board_cell *twin_clean = board_clean(section, twin);
    if (kind != KIND_CLEAN && clean && twin_clean) {
        board_add_bits(clean, -1, x);
        board_add_bits(twin_clean, 1, x);
        line->beyond = board_of_images(x, n, line->conditions, bootstrap);
    }
    return true;
}

/* The twin's row: same variant first, since a twin is named by its model's name alone. */
static int find_twin(const struct board_section *section, const struct board_row *row)
{
    int found = -1;
    for (size_t i = 0; row->twin && i < section->n_rows; i++) {
        const struct board_row *other = &section->rows[i];
        if (other == row || strcmp(other->model, row->twin))
            continue;
        if (!strcmp(other->variant, row->variant))
            return (int)i;
        found = found < 0 ? (int)i : found;
    }
    return found;
}

void board_twins(struct board *board, struct board_section *section,
                 const struct bootstrap *bootstrap)
{
    (void)board;
    double *x = mem_array((size_t)section->n, sizeof *x);
    for (size_t i = 0; i < section->n_rows; i++) {
        int twin_row = find_twin(section, &section->rows[i]);
        if (twin_row < 0)
            continue;
        struct board_twin twin = {.row = (int)i, .twin_row = twin_row};
        for (int kind = 0; kind < KINDS; kind++)
            if (compare(section, &section->rows[i], &section->rows[twin_row],
                        (enum board_kind)kind, bootstrap, x, &twin.lines[twin.n_lines]))
                twin.n_lines++;
        if (!twin.n_lines)
            continue;
        section->twins =
            mem_grow(section->twins, section->n_twins + 1, sizeof *section->twins);
        section->twins[section->n_twins++] = twin;
    }
    free(x);
}
