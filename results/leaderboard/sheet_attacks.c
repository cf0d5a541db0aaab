/* Sheets that only attacks have: transfer matrices and accuracy against radius. */
#include "results/leaderboard/sheet_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *percent(struct arena *arena, double share)
{
    char number[16];
    return isnan(share) ? "" : arena_copy(arena, board_percent(share, number));
}

/* --- transfer ------------------------------------------------------------------------ */

/* Networks of a matrix by number: rows that were attacked, then lenders without cells. */
struct crowd {
    const struct board_section *section;
    const struct board_transfer *transfer;
    size_t *rows, n_rows, count;
    const char **lenders;
};

static void gather(struct arena *arena, struct crowd *crowd)
{
    const struct board_section *section = crowd->section;
    const struct board_transfer *transfer = crowd->transfer;
    crowd->rows = arena_alloc(arena, section->n_rows * sizeof *crowd->rows);
    crowd->lenders = arena_alloc(arena, transfer->n_sources * sizeof *crowd->lenders);
    for (size_t r = 0; r < section->n_rows; r++) {
        bool met = false;
        for (size_t s = 0; s < transfer->n_sources; s++)
            met = met || transfer->cells[s * section->n_rows + r];
        if (met)
            crowd->rows[crowd->n_rows++] = r;
    }
    crowd->count = crowd->n_rows;
    for (size_t s = 0; s < transfer->n_sources; s++) {
        bool met = false;
        for (size_t i = 0; i < crowd->n_rows; i++)
            met = met ||
                  !strcmp(section->rows[crowd->rows[i]].model, transfer->sources[s]);
        if (!met)
            crowd->lenders[crowd->count++ - crowd->n_rows] = transfer->sources[s];
    }
}

static size_t number_of(const struct crowd *crowd, const char *source)
{
    size_t i = 0;
    while (i < crowd->n_rows &&
           strcmp(crowd->section->rows[crowd->rows[i]].model, source))
        i++;
    for (; i >= crowd->n_rows && strcmp(crowd->lenders[i - crowd->n_rows], source); i++)
        ;
    return i + 1;
}

/* What a source does to the others: the mean of the column without the diagonal. */
static double mean_elsewhere(const struct crowd *crowd, size_t source)
{
    double sum = 0;
    int count = 0;
    for (size_t i = 0; i < crowd->n_rows; i++) {
        const struct board_row *row = &crowd->section->rows[crowd->rows[i]];
        const struct board_cell *cell =
            crowd->transfer->cells[source * crowd->section->n_rows + crowd->rows[i]];
        if (!cell || isnan(cell->kept) || !strcmp(row->model, crowd->transfer->sources[source]))
            continue;
        sum += 1 - cell->kept;
        count++;
    }
    return count ? sum / count : (double)NAN;
}

static void fill_column(struct arena *arena, const struct crowd *crowd, size_t source,
                        struct sheet *sheet)
{
    const struct board_section *section = crowd->section;
    const char *name = crowd->transfer->sources[source];
    for (size_t i = 0; i < crowd->n_rows; i++) {
        size_t r = crowd->rows[i];
        const struct board_cell *cell = crowd->transfer->cells[source * section->n_rows + r];
        bool itself = !strcmp(section->rows[r].model, name);
        sheet_set(sheet, i, source + 2, percent(arena, cell ? 1 - cell->kept : (double)NAN),
                  itself ? TONE_BEST : TONE_PLAIN);
    }
    sheet_set(sheet, crowd->count, source + 2, percent(arena, mean_elsewhere(crowd, source)),
              TONE_PLAIN);
}

static void add_transfer(struct maker *maker, const struct board_transfer *transfer)
{
    const struct board_section *section = maker->section;
    struct arena *arena = maker->arena;
    struct crowd crowd = {.section = section, .transfer = transfer};
    gather(arena, &crowd);
    struct sheet *sheet = sheet_add(
        maker->sheets, arena_format(arena, "Transfer of %s: %s", transfer->label,
                                    section_name(maker)), crowd.count + 1,
        transfer->n_sources + 2);
    sheet->note = "Of the pictures a network has right when clean, the share in % that fools "
                  "it: crafted on the network whose # is above, shown to the one on the left. "
                  "The last line leaves out what was crafted on the network itself.";
    sheet_column(sheet, "#", true, 0);
    sheet_column(sheet, "Shown to", false, 0);
    for (size_t s = 0; s < transfer->n_sources; s++)
        sheet_column(sheet, arena_format(arena, "%zu", number_of(&crowd, transfer->sources[s])),
                     true, 0);
    for (size_t i = 0; i < crowd.count; i++) {
        const char *name = i < crowd.n_rows
                               ? model_name(maker, &section->rows[crowd.rows[i]])
                               : crowd.lenders[i - crowd.n_rows];
        sheet_set(sheet, i, 0, arena_format(arena, "%zu", i + 1), TONE_PLAIN);
        sheet_set(sheet, i, 1, name, TONE_PLAIN);
        for (size_t s = 0; s < transfer->n_sources; s++)
            sheet_set(sheet, i, s + 2, "", TONE_PLAIN);
    }
    sheet_set(sheet, crowd.count, 0, "", TONE_PLAIN);
    sheet_set(sheet, crowd.count, 1, "mean of others", TONE_PLAIN);
    for (size_t s = 0; s < transfer->n_sources; s++)
        fill_column(arena, &crowd, s, sheet);
}

void add_transfers(struct maker *maker)
{
    for (size_t i = 0; i < maker->section->n_transfers; i++)
        add_transfer(maker, &maker->section->transfers[i]);
}

/* --- curves -------------------------------------------------------------------------- */

static bool near(double a, double b)
{
    return fabs(a - b) <= 1e-9 * fmax(fabs(a), fabs(b));
}

static int by_size(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* All radii of a norm, ascending. */
static size_t radii_of(const struct board_section *section, const char *norm,
                       struct arena *arena, double **out)
{
    size_t room = 0, count = 0, kept = 0;
    for (size_t i = 0; i < section->n_curves; i++)
        room += section->curves[i].n_points;
    double *radii = arena_alloc(arena, (room + 1) * sizeof *radii);
    for (size_t i = 0; i < section->n_curves; i++)
        for (size_t k = 0; k < section->curves[i].n_points; k++)
            if (!strcmp(section->curves[i].norm, norm))
                radii[count++] = section->curves[i].eps[k];
    qsort(radii, count, sizeof *radii, by_size);
    for (size_t i = 0; i < count; i++)
        if (!kept || !near(radii[i], radii[kept - 1]))
            radii[kept++] = radii[i];
    *out = radii;
    return kept;
}

/* "2/255" where it is one, in the norm in which one says so. */
static const char *radius_text(struct arena *arena, const char *norm, double eps)
{
    double steps = eps * 255;
    if (!strcmp(norm, "Linf") && near(steps * 8, round(steps * 8)) && steps > 0)
        return arena_format(arena, "%g/255", round(steps * 8) / 8);
    return arena_format(arena, "%.4g", eps);
}

static void fill_curve(struct maker *maker, const struct board_curve *curve,
                       const double *radii, size_t count, struct sheet *sheet, size_t at)
{
    struct arena *arena = maker->arena;
    const struct board_row *row = &maker->section->rows[curve->row];
    const struct board_value *clean = &row->values[MEASURE_CLEAN];
    sheet_set(sheet, at, 0, model_name(maker, row), TONE_PLAIN);
    sheet_set(sheet, at, 1, curve->attack, TONE_PLAIN);
    sheet_set(sheet, at, 2, percent(arena, clean->present ? clean->value : (double)NAN),
              TONE_PLAIN);
    for (size_t i = 0; i < count; i++) {
        double acc = (double)NAN;
        for (size_t k = 0; k < curve->n_points; k++)
            acc = near(curve->eps[k], radii[i]) ? curve->acc[k] : acc;
        sheet_set(sheet, at, 3 + i, percent(arena, acc), TONE_PLAIN);
    }
    if (sheet->n_columns > 3 + count)
        sheet_set(sheet, at, 3 + count,
                  isnan(curve->median)   ? ""
                  : isinf(curve->median) ? "none"
                                         : radius_text(arena, curve->norm, curve->median),
                  TONE_PLAIN);
}

/* Radii as columns. */
static void add_norm(struct maker *maker, const char *norm)
{
    const struct board_section *section = maker->section;
    struct arena *arena = maker->arena;
    double *radii;
    size_t count = radii_of(section, norm, arena, &radii), lines = 0, at = 0;
    bool medians = false;
    for (size_t i = 0; i < section->n_curves; i++)
        if (!strcmp(section->curves[i].norm, norm)) {
            lines++;
            medians = medians || !isnan(section->curves[i].median);
        }
    struct sheet *sheet = sheet_add(
        maker->sheets, arena_format(arena, "Accuracy against radius, %s: %s", norm,
                                    section_name(maker)), lines, count + 4);
    sheet->note = medians ? "Top-1 in % under the attack with this radius. An attack that "
                            "searches the smallest distance gives every radius at once, and the "
                            "median distance over the clean-correct pictures, where half of "
                            "them fell: pixels are in [0,1]."
                          : "Top-1 in % under the attack with this radius.";
    sheet_column(sheet, "Model", false, 0);
    sheet_column(sheet, "Attack", false, 0);
    sheet_column(sheet, "Clean", true, 0);
    for (size_t i = 0; i < count; i++)
        sheet_column(sheet, radius_text(arena, norm, radii[i]), true, 0);
    if (medians)
        sheet_column(sheet, "Median", true, 0);
    for (size_t i = 0; i < section->n_curves; i++)
        if (!strcmp(section->curves[i].norm, norm))
            fill_curve(maker, &section->curves[i], radii, count, sheet, at++);
}

void add_curves(struct maker *maker)
{
    const struct board_section *section = maker->section;
    for (size_t i = 0; i < section->n_curves; i++)
        if (!i || strcmp(section->curves[i].norm, section->curves[i - 1].norm))
            add_norm(maker, section->curves[i].norm);
}
