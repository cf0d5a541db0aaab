/*
 * The robustness cost of compression: a compressed network beside its full-precision twin,
 * on the same images under the same conditions. The difference per image is averaged over
 * a family's conditions first, then over images, and images are what is resampled.
 */
#include "results/board_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double mcnemar(const uint8_t *mine, const uint8_t *other, size_t n)
{
    int64_t lost, won;
    stats_discordant(mine, other, (n + 7) / 8, &lost, &won);
    return stats_mcnemar(lost, won);
}

/* One kind, over the conditions that both have met; no line where there are none. */
static bool compare(const struct board_section *section, const struct board_row *row,
                    const struct board_row *twin, enum board_kind kind,
                    const struct bootstrap *bootstrap, double *x,
                    struct board_twin_line *line)
{
    size_t n = (size_t)section->n;
    const struct board_cell *last[2] = {NULL, NULL};
    *line = (struct board_twin_line){.kind = kind, .p = (double)NAN};
    memset(x, 0, n * sizeof *x);
    for (size_t c = 0; c < section->n_conditions; c++) {
        const struct board_cell *mine = row->cells[c], *other = twin->cells[c];
        if (section->conditions[c].kind != kind || !mine || !other)
            continue;
        line->conditions++;
        line->acc += mine->acc;
        line->twin_acc += other->acc;
        last[0] = mine;
        last[1] = other;
        board_add_bits(mine, 1, x);
        board_add_bits(other, -1, x);
    }
    if (!line->conditions)
        return false;
    if (line->conditions == 1)
        line->p = mcnemar(last[0]->ok, last[1]->ok, n);
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

/* --- what was crafted on either of a pair (specs A7.2, rule 7) ------------------------ */

/* Images of one ball: right under all of them that either network had to do with. */
struct united {
    const char *norm;
    double eps;
    uint8_t *ok;
    int cells;
    bool crossed; /* some were crafted on the other */
};

/* An attack alone, without other noise before it. */
static bool is_plain_attack(const struct board_condition *condition)
{
    return condition->kind == KIND_ADVERSARIAL && condition->norm && !isnan(condition->eps) &&
           !strncmp(condition->label, condition->noise, strlen(condition->noise));
}

static void unite(const struct board_section *section, const struct board_row *row,
                  const struct board_row *other, struct united *all)
{
    size_t bytes = (size_t)(section->n + 7) / 8;
    memset(all->ok, 0xff, bytes);
    for (size_t c = 0; c < section->n_conditions; c++) {
        const struct board_condition *condition = &section->conditions[c];
        const struct board_cell *cell = row->cells[c];
        if (!cell || !is_plain_attack(condition) || strcmp(condition->norm, all->norm) ||
            condition->eps < all->eps || condition->eps > all->eps)
            continue;
        bool crossed = cell->source && !strcmp(cell->source, other->model);
        if (cell->source && !crossed && strcmp(cell->source, row->model))
            continue;
        for (size_t b = 0; b < bytes; b++)
            all->ok[b] &= cell->ok[b];
        all->crossed = all->crossed || crossed;
        all->cells++;
    }
}

static double share(const uint8_t *ok, size_t n, double weight, double *x)
{
    size_t right = 0;
    for (size_t i = 0; i < n; i++) {
        right += ok[i / 8] >> (i % 8) & 1;
        x[i] += weight * (ok[i / 8] >> (i % 8) & 1);
    }
    return (double)right / (double)n;
}

/* No line unless each was shown what was crafted on the other. */
static bool compare_crafted(struct arena *arena, const struct board_section *section,
                            const struct board_row *row, const struct board_row *twin,
                            size_t condition, const struct bootstrap *bootstrap, double *x,
                            struct board_twin_line *line)
{
    const struct board_condition *ball = &section->conditions[condition];
    size_t n = (size_t)section->n, bytes = (n + 7) / 8;
    struct united mine = {ball->norm, ball->eps, mem_array(bytes, 1), 0, false};
    struct united other = {ball->norm, ball->eps, mem_array(bytes, 1), 0, false};
    unite(section, row, twin, &mine);
    unite(section, twin, row, &other);
    bool fair = mine.crossed && other.crossed;
    if (fair) {
        char *rest = NULL;
        const char *eps = board_cut(arena, ball->label, "eps=", &rest);
        memset(x, 0, n * sizeof *x);
        *line = (struct board_twin_line){.kind = KIND_ADVERSARIAL,
                                         .conditions = mine.cells + other.cells};
        line->crafted = arena_format(arena, "%s eps=%s", ball->norm, eps ? eps : "");
        line->acc = share(mine.ok, n, 1, x);
        line->twin_acc = share(other.ok, n, -1, x);
        line->p = mcnemar(mine.ok, other.ok, n);
        line->difference = board_of_images(x, n, line->conditions, bootstrap);
    }
    free(mine.ok);
    free(other.ok);
    return fair;
}

/* One line for each ball, at its first condition. */
static void add_crafted(struct arena *arena, const struct board_section *section,
                        const struct bootstrap *bootstrap, double *x, struct board_twin *twin)
{
    const struct board_condition *conditions = section->conditions;
    size_t first = twin->n_lines;
    for (size_t c = 0; c < section->n_conditions; c++) {
        bool seen = !is_plain_attack(&conditions[c]) || twin->n_lines - first == TWIN_UNIONS;
        for (size_t k = 0; k < c && !seen; k++)
            seen = is_plain_attack(&conditions[k]) && conditions[k].eps <= conditions[c].eps &&
                   conditions[k].eps >= conditions[c].eps &&
                   !strcmp(conditions[k].norm, conditions[c].norm);
        if (!seen && compare_crafted(arena, section, &section->rows[twin->row],
                                     &section->rows[twin->twin_row], c, bootstrap, x,
                                     &twin->lines[twin->n_lines]))
            twin->n_lines++;
    }
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
        add_crafted(&board->arena, section, bootstrap, x, &twin);
        if (!twin.n_lines)
            continue;
        section->twins =
            mem_grow(section->twins, section->n_twins + 1, sizeof *section->twins);
        section->twins[section->n_twins++] = twin;
    }
    free(x);
}
