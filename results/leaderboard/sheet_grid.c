/* Decoder x resizer, after ImageNet-S: what deployment does to a model by accident. */
#include "results/leaderboard/sheet_parts.h"

#include <string.h>

static const char *percent(struct maker *maker, double share)
{
    char number[16];
    return arena_copy(maker->arena, board_percent(share, number));
}

static void put(struct sheet *sheet, size_t row, size_t *column, const char *text)
{
    sheet_set(sheet, row, (*column)++, text, TONE_PLAIN);
}

static void put_change(struct maker *maker, struct sheet *sheet, size_t row, size_t *column,
                       const struct board_value *value)
{
    sheet_set(sheet, row, (*column)++, value_text(maker, value, true, ""), change_tone(value));
}

static void summary_row(struct maker *maker, struct sheet *sheet, size_t i)
{
    const struct board_matrix *m = &maker->section->matrices[i];
    size_t column = 0, worst = (size_t)m->worst;
    int pairs = 0;
    for (size_t k = 0; k < m->n_decoders * m->n_resizers; k++)
        pairs += m->cells[k] != NULL;
    put(sheet, i, &column, model_name(maker, &maker->section->rows[m->row]));
    put(sheet, i, &column, arena_format(maker->arena, "%d", pairs));
    put(sheet, i, &column, m->own ? percent(maker, m->own->acc) : "");
    put(sheet, i, &column, percent(maker, m->mean));
    put(sheet, i, &column, percent(maker, m->sd));
    put_change(maker, sheet, i, &column, &m->mean_delta);
    put(sheet, i, &column, percent(maker, m->min));
    put(sheet, i, &column, percent(maker, m->max));
    put_change(maker, sheet, i, &column, &m->worst_delta);
    put(sheet, i, &column, arena_format(maker->arena, "%s, %s",
                                        m->decoders[worst / m->n_resizers],
                                        m->resizers[worst % m->n_resizers]));
    put(sheet, i, &column, value_text(maker, &m->flips, false, ""));
    put(sheet, i, &column, percent(maker, m->persample_worst));
    put_change(maker, sheet, i, &column, &m->persample_delta);
}

static void add_summary(struct maker *maker)
{
    const struct board_section *section = maker->section;
    const char *change = maker->change;
    const struct {
        const char *title;
        bool right;
        int spare;
    } columns[] = {
        {"Model", false, 0},
        {"Pairs", true, 7},
        {"Own pair", true, 1},
        {"Mean", true, 6},
        {"Sd", true, 4},
        {arena_format(maker->arena, "Mean %s", change), true, 0},
        {"Lowest", true, 5},
        {"Highest", true, 8},
        {arena_format(maker->arena, "Lowest %s", change), true, 0},
        {"Lowest pair", false, 2},
        {"Flips", true, 0},
        {"Per sample", true, 9},
        {arena_format(maker->arena, "Per sample %s", change), true, 0},
    };
    enum { COLUMNS = sizeof columns / sizeof *columns };
    struct sheet *sheet = sheet_add(
        maker->sheets,
        arena_format(maker->arena, "Decoder x resizer: %s", section_name(maker)),
        section->n_matrices, COLUMNS);
    sheet->note = arena_format(
        maker->arena,
        "Top-1 over all pairs. Changes (%s) are in points against the model's own pair on the "
        "same images: of the mean of all others, of the lowest pair, and of being right under "
        "every pair. Flips: predictions that are not those of the own pair, in %%. 95 %% "
        "intervals over images.", change);
    for (size_t i = 0; i < COLUMNS; i++)
        sheet_column(sheet, columns[i].title, columns[i].right, columns[i].spare);
    for (size_t i = 0; i < section->n_matrices; i++)
        summary_row(maker, sheet, i);
}

/* The own pair's top-1, and how the others differ from it. */
static void put_pair(struct maker *maker, const struct board_matrix *m, size_t at,
                     struct sheet *sheet, size_t row, size_t column)
{
    const struct board_cell *cell = m->cells[at];
    const char *text = "";
    enum sheet_tone tone = TONE_PLAIN;
    struct board_value change = {.present = false};
    if (cell && cell != m->own && cell->paired)
        change = board_delta(cell);
    if (change.present) {
        text = value_text(maker, &change, true, "");
        tone = change_tone(&change);
    } else if (cell) {
        text = percent(maker, cell->acc);
        tone = cell == m->own ? TONE_BEST : TONE_PLAIN;
    }
    sheet_set(sheet, row, column, text, tone);
}

/* The way of more names is down the page. */
static void add_matrix(struct maker *maker, const struct board_matrix *m)
{
    const struct board_row *row = &maker->section->rows[m->row];
    bool turned = m->n_resizers > m->n_decoders;
    size_t rows = turned ? m->n_resizers : m->n_decoders;
    size_t columns = turned ? m->n_decoders : m->n_resizers;
    struct sheet *sheet =
        sheet_add(maker->sheets, arena_format(maker->arena, "Decoder x resizer: %s on %s",
                                              model_name(maker, row), section_name(maker)),
                  rows, columns + 1);
    sheet->note = m->own ? "Top-1 of the model's own pair; for every other pair its change "
                           "against that one in points, with its paired 95 % interval."
                         : NULL;
    sheet_column(sheet, "", false, 0);
    for (size_t c = 0; c < columns; c++)
        sheet_column(sheet, turned ? m->decoders[c] : m->resizers[c], true, 0);
    for (size_t r = 0; r < rows; r++) {
        sheet_set(sheet, r, 0, turned ? m->resizers[r] : m->decoders[r], TONE_PLAIN);
        for (size_t c = 0; c < columns; c++)
            put_pair(maker, m, turned ? c * m->n_resizers + r : r * m->n_resizers + c, sheet,
                     r, c + 1);
    }
}

void add_matrices(struct maker *maker, bool details)
{
    const struct board_section *section = maker->section;
    if (!section->n_matrices)
        return;
    add_summary(maker);
    for (size_t i = 0; i < section->n_matrices; i++)
        if (details || section->n_matrices == 1)
            add_matrix(maker, &section->matrices[i]);
}
