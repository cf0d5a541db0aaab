#include "results/leaderboard/sheet_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct sheet *sheet_add(struct sheets *sheets, const char *title, size_t rows, size_t columns)
{
    sheets->items = mem_grow(sheets->items, sheets->count + 1, sizeof *sheets->items);
    struct sheet *sheet = &sheets->items[sheets->count++];
    *sheet = (struct sheet){.title = title, .n_rows = rows};
    sheet->columns = arena_alloc(&sheets->arena, columns * sizeof *sheet->columns);
    sheet->cells = arena_alloc(&sheets->arena, rows * columns * sizeof *sheet->cells);
    return sheet;
}

void sheet_column(struct sheet *sheet, const char *title, bool right, int spare)
{
    sheet->columns[sheet->n_columns++] = (struct sheet_column){title, right, spare};
}

void sheet_set(struct sheet *sheet, size_t row, size_t column, const char *text,
               enum sheet_tone tone)
{
    sheet->cells[row * sheet->n_columns + column] =
        (struct sheet_cell){text ? text : "", tone};
}

const char *section_name(struct maker *maker)
{
    const struct board_section *s = maker->section;
    return arena_format(maker->arena, "%s%s%s, %lld samples%s%s", s->dataset,
                        *s->split ? "/" : "", s->split, (long long)s->n,
                        strcmp(s->subset, "all") ? ": " : "",
                        strcmp(s->subset, "all") ? s->subset : "");
}

const char *model_name(struct maker *maker, const struct board_row *row)
{
    return *row->variant ? arena_format(maker->arena, "%s/%s", row->model, row->variant)
                         : row->model;
}

const char *value_text(struct maker *maker, const struct board_value *value,
                              bool points, const char *mark)
{
    char number[16], half[16];
    if (!value->present)
        return "";
    if (points)
        board_points(value->value, number);
    else
        board_percent(value->value, number);
    board_half(value, half);
    return arena_format(maker->arena, "%s%s%s%s%s%s", number, *half ? " " : "",
                        *half ? maker->pm : "", half, value->partial ? "*" : "", mark);
}

enum sheet_tone change_tone(const struct board_value *value)
{
    if (!value->present || isnan(value->lo))
        return TONE_PLAIN;
    return value->hi < 0 ? TONE_BAD : value->lo > 0 ? TONE_GOOD : TONE_PLAIN;
}

static bool anything(const struct board_section *section, enum board_measure measure)
{
    for (size_t i = 0; i < section->n_rows; i++)
        if (section->rows[i].values[measure].present)
            return true;
    return false;
}

// clang-format off
static const struct {
    enum board_measure measure;
    const char *title;
    bool change;  /* signed points; the title then gets the sign for it */
    int spare;
} summary_columns[] = {
    {MEASURE_CLEAN, "Clean", false, 0},
    {MEASURE_SYSTEM, "System", false, 7},
    {MEASURE_SYSTEM_DELTA, "System", true, 0},
    {MEASURE_SYSTEM_WORST, "System worst", false, 9},
    {MEASURE_NATURAL, "Natural", false, 6},
    {MEASURE_NATURAL_DELTA, "Natural", true, 0},
    {MEASURE_NATURAL_WORST, "Natural worst", false, 10},
    {MEASURE_MCE, "mCE", false, 3},
    {MEASURE_RELATIVE_MCE, "Relative mCE", false, 11},
    {MEASURE_ADVERSARIAL, "Attacked", false, 2},
    {MEASURE_ADVERSARIAL_DELTA, "Attacked", true, 5},
    {MEASURE_ADVERSARIAL_WORST, "Attacked worst", false, 4},
    {MEASURE_PERSAMPLE_WORST, "Per-sample worst", false, 1},
};
// clang-format on
enum { SUMMARY_COLUMNS = sizeof summary_columns / sizeof *summary_columns };

static const char *mce_text(struct maker *maker, const struct board_value *value)
{
    return value->present ? arena_format(maker->arena, "%.1f %s%.1f", value->value, maker->pm,
                                         (value->hi - value->lo) / 2)
                          : "";
}

static bool is_best(const struct board_section *section, size_t row,
                    enum board_measure measure)
{
    const struct board_value *mine = &section->rows[row].values[measure];
    bool beats = false, low = measure == MEASURE_MCE || measure == MEASURE_RELATIVE_MCE;
    if (!mine->present || mine->partial)
        return false;
    for (size_t i = 0; i < section->n_rows; i++) {
        const struct board_value *other = &section->rows[i].values[measure];
        if (!other->present || other->partial)
            continue;
        if (low ? other->value < mine->value : other->value > mine->value)
            return false;
        beats = beats || other->value < mine->value || other->value > mine->value;
    }
    return beats;
}

static void summary_row(struct maker *maker, struct sheet *sheet, size_t i,
                        const int *shown, size_t n_shown)
{
    const struct board_row *row = &maker->section->rows[i];
    size_t column = 0;
    sheet_set(sheet, i, column++, row->group ? arena_format(maker->arena, "%d", row->group) : "",
        TONE_PLAIN);
    sheet_set(sheet, i, column++, model_name(maker, row), TONE_PLAIN);
    sheet_set(sheet, i, column++, row->precision, TONE_PLAIN);
    for (size_t k = 0; k < n_shown; k++) {
        enum board_measure measure = summary_columns[shown[k]].measure;
        const struct board_value *value = &row->values[measure];
        bool change = summary_columns[shown[k]].change;
        bool doubt = row->unreliable && board_measures[measure].kind == KIND_ADVERSARIAL;
        const char *text = measure == MEASURE_MCE || measure == MEASURE_RELATIVE_MCE
                               ? mce_text(maker, value)
                               : value_text(maker, value, change, doubt ? "?" : "");
        enum sheet_tone tone = is_best(maker->section, i, measure) ? TONE_BEST
                               : change                            ? change_tone(value)
                                                                   : TONE_PLAIN;
        sheet_set(sheet, i, column++, text, tone);
    }
    if (column < sheet->n_columns)
        sheet_set(sheet, i, column, row->flags, TONE_PLAIN);
}

static const char *summary_note(struct maker *maker)
{
    const struct board_section *section = maker->section;
    bool partial = false, doubt = false;
    for (size_t i = 0; i < section->n_rows; i++) {
        doubt = doubt || section->rows[i].unreliable;
        for (int m = 0; m < MEASURES; m++)
            partial = partial || section->rows[i].values[m].partial;
    }
    const char *ties =
        maker->board->sort == MEASURES
            ? ""
            : arena_format(maker->arena,
                           "; rows with the same # cannot be told apart by %s",
                           board_measures[maker->board->sort].name);
    return arena_format(
        maker->arena,
        "Top-1 in %% with 95 %% intervals; changes (%s) are against clean, paired%s.%s%s%s%s%s",
        maker->change, ties, section->mce ? " mCE: " : "",
        section->mce ? board_baseline_name(section) : "", section->mce ? " = 100." : "",
        partial ? " * fewer conditions than other rows." : "",
        doubt ? " ? an attack raised a flag: the number may be too good." : "");
}

static void add_summary(struct maker *maker)
{
    const struct board_section *section = maker->section;
    int shown[SUMMARY_COLUMNS];
    size_t n_shown = 0;
    bool flags = false;
    for (int k = 0; k < SUMMARY_COLUMNS; k++)
        if (anything(section, summary_columns[k].measure))
            shown[n_shown++] = k;
    for (size_t i = 0; i < section->n_rows; i++)
        flags = flags || section->rows[i].flags;
    struct sheet *sheet = sheet_add(maker->sheets, section_name(maker), section->n_rows, n_shown + 4);
    sheet->note = summary_note(maker);
    sheet_column(sheet, "#", true, 0);
    sheet_column(sheet, "Model", false, 0);
    sheet_column(sheet, "Precision", false, 0);
    for (size_t k = 0; k < n_shown; k++)
        sheet_column(sheet,
                   arena_format(maker->arena, "%s%s%s", summary_columns[shown[k]].title,
                                summary_columns[shown[k]].change ? " " : "",
                                summary_columns[shown[k]].change ? maker->change : ""),
                   true, summary_columns[shown[k]].spare);
    if (flags)
        sheet_column(sheet, "Flags", false, 8);
    for (size_t i = 0; i < section->n_rows; i++)
        summary_row(maker, sheet, i, shown, n_shown);
}

static const char *span_text(struct maker *maker, const struct board_value *value)
{
    char number[16], lo[16], hi[16];
    if (!value->present)
        return "";
    return arena_format(maker->arena, "%s [%s, %s]", board_points(value->value, number),
                        board_points(value->lo, lo), board_points(value->hi, hi));
}

static void twin_line(struct maker *maker, struct sheet *sheet, size_t at,
                      const struct board_twin *twin, const struct board_twin_line *line)
{
    char number[16];
    const struct board_row *row = &maker->section->rows[twin->row];
    const struct board_row *other = &maker->section->rows[twin->twin_row];
    bool first = line == twin->lines;
    struct arena *arena = maker->arena;
    sheet_set(sheet, at, 0, first ? model_name(maker, row) : "", TONE_PLAIN);
    sheet_set(sheet, at, 1, first ? model_name(maker, other) : "", TONE_PLAIN);
    sheet_set(sheet, at, 2, line->crafted ? arena_format(arena, "crafted on either, %s",
                                                         line->crafted)
                                          : board_kind_names[line->kind], TONE_PLAIN);
    sheet_set(sheet, at, 3, arena_format(arena, "%d", line->conditions), TONE_PLAIN);
    sheet_set(sheet, at, 4, arena_copy(arena, board_percent(line->twin_acc, number)), TONE_PLAIN);
    sheet_set(sheet, at, 5, arena_copy(arena, board_percent(line->acc, number)), TONE_PLAIN);
    sheet_set(sheet, at, 6, span_text(maker, &line->difference), change_tone(&line->difference));
    sheet_set(sheet, at, 7, span_text(maker, &line->beyond), change_tone(&line->beyond));
    sheet_set(sheet, at, 8, isnan(line->p) ? "" : arena_format(arena, "%.2g", line->p),
              TONE_PLAIN);
}

static void add_twins(struct maker *maker)
{
    const struct board_section *section = maker->section;
    size_t lines = 0;
    bool crafted = false;
    for (size_t i = 0; i < section->n_twins; i++) {
        const struct board_twin *twin = &section->twins[i];
        lines += twin->n_lines;
        crafted = crafted || (twin->n_lines && twin->lines[twin->n_lines - 1].crafted);
    }
    if (!lines)
        return;
    struct sheet *sheet =
        sheet_add(maker->sheets, arena_format(maker->arena, "What compression costs: %s",
                                      section_name(maker)), lines, 9);
    sheet->note = arena_format(
        maker->arena, "Compressed minus full-precision twin on the same images, in points with "
        "95 %% intervals (bootstrap over images) and McNemar's p. Beyond clean: what is lost "
        "on top of the clean difference.%s", crafted ? " Crafted on either: right under every "
        "attack on one of the two, each shown to both." : "");
    static const struct sheet_column columns[] = {
        {"Compressed", false, 0}, {"Twin", false, 2},       {"Noise", false, 0},
        {"Conditions", true, 3},  {"Twin top-1", true, 1},  {"Top-1", true, 1},
        {"Difference", true, 0},  {"Beyond clean", true, 0}, {"p", true, 4},
    };
    for (size_t i = 0; i < 9; i++)
        sheet_column(sheet, columns[i].title, columns[i].right, columns[i].spare);
    size_t at = 0;
    for (size_t i = 0; i < section->n_twins; i++)
        for (size_t k = 0; k < section->twins[i].n_lines; k++)
            twin_line(maker, sheet, at++, &section->twins[i], &section->twins[i].lines[k]);
}

/* What a sample of an attack cost. */
static void cost_columns(struct maker *maker, struct sheet *sheet, size_t at, size_t column,
                         const struct board_cell *cell, bool attack)
{
    const double costs[] = {(double)cell->forwards, (double)cell->backwards, cell->cpu_s};
    for (size_t i = 0; i < 3; i++)
        sheet_set(sheet, at, column + i,
                  attack ? arena_format(maker->arena, "%.4g", costs[i] / (double)cell->n) : "",
                  TONE_PLAIN);
}

static void condition_row(struct maker *maker, struct sheet *sheet, size_t at, size_t c,
                          const struct board_cell *cell, bool attacks)
{
    char number[16];
    struct arena *arena = maker->arena;
    enum board_kind kind = maker->section->conditions[c].kind;
    bool clean = kind == KIND_CLEAN, attack = kind == KIND_ADVERSARIAL;
    struct board_value acc = {.present = true, .value = cell->acc, .lo = cell->lo,
                              .hi = cell->hi};
    const struct board_value delta = board_delta(cell);
    const double kept = clean ? (double)NAN : cell->kept;
    sheet_set(sheet, at, 0, maker->section->conditions[c].label, TONE_PLAIN);
    sheet_set(sheet, at, 1, board_kind_names[kind], TONE_PLAIN);
    sheet_set(sheet, at, 2, value_text(maker, &acc, false, ""), TONE_PLAIN);
    sheet_set(sheet, at, 3, clean ? "" : value_text(maker, &delta, true, ""),
              clean ? TONE_PLAIN : change_tone(&delta));
    sheet_set(sheet, at, 4, arena_copy(arena, board_percent(kept, number)), TONE_PLAIN);
    sheet_set(sheet, at, 5, arena_copy(arena, board_percent(cell->ece, number)), TONE_PLAIN);
    if (attacks) {
        double fooled = attack ? 1 - cell->kept : (double)NAN;
        sheet_set(sheet, at, 6, arena_copy(arena, board_percent(fooled, number)), TONE_PLAIN);
        cost_columns(maker, sheet, at, 7, cell, attack);
    }
    sheet_set(sheet, at, attacks ? 10 : 6, cell->flags, TONE_PLAIN);
}

/* Every condition of one model with its interval, change, share kept and flags; where it
 * was attacked, with what that cost too. */
static void add_conditions(struct maker *maker, const struct board_row *row)
{
    static const struct sheet_column columns[] = {
        {"Condition", false, 0}, {"Kind", false, 1},      {"Top-1", true, 0},
        {"- clean", true, 0},    {"Kept", true, 3},       {"Calibration error", true, 4},
        {"Fooled", true, 6},     {"Forwards", true, 7},   {"Backwards", true, 8},
        {"Seconds", true, 9},    {"Flags", false, 0},
    };
    enum { COLUMNS = sizeof columns / sizeof *columns };
    const struct board_section *section = maker->section;
    size_t count = 0, at = 0;
    bool attacks = false;
    for (size_t c = 0; c < section->n_conditions; c++) {
        count += row->cells[c] != NULL;
        attacks = attacks || (row->cells[c] && section->conditions[c].kind == KIND_ADVERSARIAL);
    }
    struct sheet *sheet =
        sheet_add(maker->sheets, arena_format(maker->arena, "%s on %s", model_name(maker, row),
                                      section_name(maker)), count, COLUMNS);
    for (size_t i = 0; i < COLUMNS; i++)
        if (attacks || i < 6 || i > 9)
            sheet_column(sheet, columns[i].title, columns[i].right, columns[i].spare);
    if (attacks)
        sheet->note = "Of the clean-correct, kept (AR) are still right under attack and fooled "
                      "(ASR) are not. Forwards, backwards and CPU seconds are a sample's.";
    for (size_t c = 0; c < section->n_conditions; c++)
        if (row->cells[c])
            condition_row(maker, sheet, at++, c, row->cells[c], attacks);
}

static const char *what_is_missing(const struct leaderboard_options *options)
{
    if (options->twins)
        return "No network here has its full-precision twin beside it, under the same "
               "conditions: run both.";
    if (options->transfer)
        return "Nothing was crafted on one network and shown to others: run with --noise "
               "'mi-di-ti-linf eps=8/255 source=*'.";
    if (options->curves)
        return "No attack has two radii: run with --noise 'pgd-linf eps=[1/255,2/255]'.";
    return "No results that match: `gauntlet run` makes them.";
}

void sheets_make(const struct board *board, const struct leaderboard_options *options,
                 bool ascii, struct sheets *out)
{
    *out = (struct sheets){0};
    for (size_t i = 0; i < board->n_sections; i++) {
        struct maker maker = {out, &out->arena, board, &board->sections[i],
                              ascii ? "+-" : "±", ascii ? "diff" : "Δ"};
        if (!options->transfer && !options->curves)
            add_twins(&maker);
        if (options->transfer)
            add_transfers(&maker);
        if (options->curves)
            add_curves(&maker);
        if (options->twins || options->transfer || options->curves)
            continue;
        add_summary(&maker);
        add_corruptions(&maker);
        add_stability(&maker, options->details);
        add_detections(&maker);
        add_matrices(&maker, options->details);
        if (options->details) {
            add_transfers(&maker);
            add_curves(&maker);
        }
        for (size_t r = 0; options->details && r < maker.section->n_rows; r++)
            add_conditions(&maker, &maker.section->rows[r]);
    }
    out->nothing = what_is_missing(options);
}

void sheets_more(const struct board *board, const struct board_section *section,
                 struct sheets *out)
{
    *out = (struct sheets){0};
    struct maker maker = {out, &out->arena, board, section, "±", "Δ"};
    add_corruptions(&maker);
    add_stability(&maker, true);
    add_detections(&maker);
    add_transfers(&maker);
    add_curves(&maker);
}

void sheets_clear(struct sheets *sheets)
{
    free(sheets->items);
    arena_clear(&sheets->arena);
    *sheets = (struct sheets){0};
}
