/* Natural noise: errors corruption by corruption, stability over sequences, and detection of
 * pictures of no known class. */
#include "results/leaderboard/sheet_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- corruptions ---- */

enum { SEVERITIES = 5 };

/* A corruption alone, "fog:1" to "fog:5", as indices of the section's conditions. */
struct corruption {
    const char *name;
    int at[SEVERITIES];
};

static bool is_alone(const struct board_condition *condition)
{
    size_t length = strlen(condition->noise);
    return condition->kind == KIND_NATURAL && condition->severity >= 1 &&
           condition->severity <= SEVERITIES &&
           !strncmp(condition->label, condition->noise, length) &&
           condition->label[length] == ':' && strlen(condition->label) == length + 2;
}

/* Those that were run at all five severities. The caller frees. */
static struct corruption *gather(const struct board_section *section, size_t *count)
{
    struct corruption *list = mem_array(section->n_conditions + 1, sizeof *list);
    *count = 0;
    for (size_t c = 0; c < section->n_conditions; c++) {
        const struct board_condition *condition = &section->conditions[c];
        if (!is_alone(condition))
            continue;
        struct corruption *last = *count ? &list[*count - 1] : NULL;
        if (!last || strcmp(last->name, condition->noise)) {
            last = &list[(*count)++];
            *last = (struct corruption){condition->noise, {-1, -1, -1, -1, -1}};
        }
        last->at[condition->severity - 1] = (int)c;
    }
    for (size_t i = 0; i < *count;) {
        bool whole = true;
        for (int s = 0; s < SEVERITIES; s++)
            whole = whole && list[i].at[s] >= 0;
        if (whole)
            i++;
        else
            memmove(&list[i], &list[i + 1], (--*count - i) * sizeof *list);
    }
    return list;
}

/* What a row's cells of one corruption come to; false when one is missing. */
struct sums {
    double error, ece, wall_s;
    int64_t n;
};

static bool sum_up(const struct board_row *row, const struct corruption *corruption,
                   struct sums *sums)
{
    *sums = (struct sums){0};
    for (int s = 0; s < SEVERITIES; s++) {
        const struct board_cell *cell = row->cells[corruption->at[s]];
        if (!cell)
            return false;
        sums->error += (1 - cell->acc) / SEVERITIES;
        sums->ece += cell->ece / SEVERITIES;
        sums->wall_s += cell->wall_s;
        sums->n += cell->n;
    }
    return true;
}

static const char *percent(struct maker *maker, double share)
{
    char number[16];
    return arena_copy(maker->arena, board_percent(share, number));
}

/* What stands below the corruptions; lines that are empty for all networks are left out. */
static const char *const below[] = {
    "mean",        "clean",
    "mCE",         "relative mCE",
    "calibration", "clean calibration",
    "seconds",     "pictures/s",
};
enum { BELOW = sizeof below / sizeof *below };

/* One network's column. */
struct column {
    const char **errors, *below[BELOW]; /* [count] */
};

static void fill_below(struct maker *maker, const struct board_row *row,
                       const struct sums *all, struct column *column)
{
    const struct board_cell *clean = board_clean(maker->section, row);
    const struct board_value *mce = &row->values[MEASURE_MCE],
                             *relative = &row->values[MEASURE_RELATIVE_MCE];
    struct arena *arena = maker->arena;
    const char *const values[BELOW] = {
        percent(maker, all->error),
        clean ? percent(maker, 1 - clean->acc) : "",
        mce->present ? arena_format(arena, "%.1f", mce->value) : "",
        relative->present ? arena_format(arena, "%.1f", relative->value) : "",
        percent(maker, all->ece),
        clean ? percent(maker, clean->ece) : "",
        all->n ? arena_format(arena, "%.1f", all->wall_s) : "",
        all->wall_s > 0 ? arena_format(arena, "%.0f", (double)all->n / all->wall_s) : "",
    };
    memcpy(column->below, values, sizeof values);
}

/* Means are of rows that have every corruption of the table. */
static struct column make_column(struct maker *maker, const struct board_row *row,
                                 const struct corruption *list, size_t count)
{
    struct column column = {arena_alloc(maker->arena, count * sizeof *column.errors), {0}};
    struct sums all = {0};
    size_t have = 0;
    for (size_t i = 0; i < count; i++) {
        struct sums sums;
        column.errors[i] = "";
        if (!sum_up(row, &list[i], &sums))
            continue;
        column.errors[i] = percent(maker, sums.error);
        all.error += sums.error;
        all.ece += sums.ece;
        all.wall_s += sums.wall_s;
        all.n += sums.n;
        have++;
    }
    all.error = have == count ? all.error / (double)count : (double)NAN;
    all.ece = have == count ? all.ece / (double)count : (double)NAN;
    fill_below(maker, row, &all, &column);
    return column;
}

static const char *corruptions_note(struct maker *maker)
{
    const struct board_section *section = maker->section;
    const char *against =
        section->mce ? arena_format(maker->arena, "mCE and relative mCE: %s = 100. ",
                                    board_baseline_name(section))
                     : "";
    return arena_format(maker->arena,
                        "Top-1 error in %%, mean over five severities. %sCalibration: expected "
                        "error of confidence, 15 bins, in %%. Seconds: decoding, corrupting and "
                        "the network, what networks share divided among them.",
                        against);
}

void add_corruptions(struct maker *maker)
{
    const struct board_section *section = maker->section;
    size_t count, lines = 0;
    struct corruption *list = gather(section, &count);
    struct column *columns = mem_array(section->n_rows + 1, sizeof *columns);
    bool shown[BELOW] = {false};
    for (size_t r = 0; count && r < section->n_rows; r++) {
        columns[r] = make_column(maker, &section->rows[r], list, count);
        for (size_t i = 0; i < BELOW; i++)
            shown[i] = shown[i] || *columns[r].below[i];
    }
    for (size_t i = 0; i < BELOW; i++)
        lines += shown[i];
    if (count) {
        struct sheet *sheet = sheet_add(
            maker->sheets,
            arena_format(maker->arena, "Corruption errors: %s", section_name(maker)),
            count + lines, section->n_rows + 1);
        sheet->note = corruptions_note(maker);
        sheet_column(sheet, "Corruption", false, 0);
        for (size_t r = 0; r < section->n_rows; r++)
            sheet_column(sheet, model_name(maker, &section->rows[r]), true, (int)r);
        for (size_t i = 0; i < count; i++) {
            sheet_set(sheet, i, 0, list[i].name, TONE_PLAIN);
            for (size_t r = 0; r < section->n_rows; r++)
                sheet_set(sheet, i, r + 1, columns[r].errors[i], TONE_PLAIN);
        }
        for (size_t i = 0, at = count; i < BELOW; i++) {
            if (!shown[i])
                continue;
            sheet_set(sheet, at, 0, below[i], TONE_PLAIN);
            for (size_t r = 0; r < section->n_rows; r++)
                sheet_set(sheet, at, r + 1, columns[r].below[i], TONE_PLAIN);
            at++;
        }
    }
    free(columns);
    free(list);
}

/* ---- sequences ---- */

/* "2.31 ±0.20" in a unit of the caller's. */
static const char *plain(struct maker *maker, const struct board_value *value, double unit,
                         const char *mark)
{
    return value->present
               ? arena_format(maker->arena, "%.2f %s%.2f%s", unit * value->value, maker->pm,
                              unit * (value->hi - value->lo) / 2, mark)
               : "";
}

static void stability_row(struct maker *maker, struct sheet *sheet, size_t i)
{
    const struct board_section *section = maker->section;
    const struct board_stability *line = &section->stabilities[i];
    const char *mark = line->counted < 10 ? "*" : "";
    const char *const values[] = {
        model_name(maker, &section->rows[line->row]),
        arena_format(maker->arena, "%d", line->difficulty),
        arena_format(maker->arena, "%d", line->counted),
        plain(maker, &line->flips, 100, mark),
        plain(maker, &line->top5_distance, 1, mark),
        percent(maker, line->right),
        plain(maker, &line->mfr, 1, mark),
        plain(maker, &line->mt5d, 1, mark),
    };
    for (size_t k = 0; k < sizeof values / sizeof *values; k++)
        sheet_set(sheet, i, k, values[k], TONE_PLAIN);
}

static void add_stability_summary(struct maker *maker)
{
    const struct board_section *section = maker->section;
    struct sheet *sheet = sheet_add(
        maker->sheets,
        arena_format(maker->arena, "Stability over sequences: %s", section_name(maker)),
        section->n_stabilities, 8);
    sheet->note = arena_format(
        maker->arena,
        "Per compared pair of frames: how often the prediction flips, in %%, and the distance "
        "of the five highest; right: pictures right in all frames, in %%. Means over the ten "
        "sequences of ImageNet-P (* fewer), 95 %% intervals over pictures. %s%s%s",
        section->baseline_row < 0 ? "mFR and mT5D need --baseline MODEL"
                                  : "mFR and mT5D are against ",
        section->baseline_row < 0 ? "" : board_baseline_name(section),
        section->baseline_row < 0 ? "." : " = 100.");
    static const struct sheet_column columns[] = {
        {"Model", false, 0},       {"Difficulty", true, 4}, {"Sequences", true, 3},
        {"Flips", true, 0},        {"Top-5 distance", true, 0}, {"Right", true, 2},
        {"mFR", true, 0},          {"mT5D", true, 1},
    };
    for (size_t k = 0; k < 8; k++)
        sheet_column(sheet, columns[k].title, columns[k].right, columns[k].spare);
    for (size_t i = 0; i < section->n_stabilities; i++)
        stability_row(maker, sheet, i);
}

/* One network's sequences, one by one. */
static void add_sequences(struct maker *maker, const struct board_stability *line)
{
    const struct board_row *row = &maker->section->rows[line->row];
    struct sheet *sheet = sheet_add(
        maker->sheets,
        arena_format(maker->arena, "Sequences of difficulty %d: %s on %s", line->difficulty,
                     model_name(maker, row), section_name(maker)),
        (size_t)line->n_sequences, 4);
    sheet_column(sheet, "Sequence", false, 0);
    sheet_column(sheet, "Flips", true, 0);
    sheet_column(sheet, "Top-5 distance", true, 0);
    sheet_column(sheet, "Right", true, 0);
    for (int s = 0; s < line->n_sequences; s++) {
        const struct board_sequence *entry = &line->sequences[s];
        sheet_set(sheet, (size_t)s, 0, entry->name, TONE_PLAIN);
        sheet_set(sheet, (size_t)s, 1, percent(maker, entry->flip_rate), TONE_PLAIN);
        sheet_set(sheet, (size_t)s, 2,
                  isnan(entry->top5_distance)
                      ? ""
                      : arena_format(maker->arena, "%.2f", entry->top5_distance),
                  TONE_PLAIN);
        sheet_set(sheet, (size_t)s, 3, percent(maker, entry->right), TONE_PLAIN);
    }
}

void add_stability(struct maker *maker, bool details)
{
    const struct board_section *section = maker->section;
    if (!section->n_stabilities)
        return;
    add_stability_summary(maker);
    for (size_t i = 0; details && i < section->n_stabilities; i++)
        add_sequences(maker, &section->stabilities[i]);
}

/* ---- unknown classes ---- */

void add_detections(struct maker *maker)
{
    const struct board_section *section = maker->section;
    if (!section->n_detections)
        return;
    struct sheet *sheet = sheet_add(
        maker->sheets,
        arena_format(maker->arena, "Unknown classes against %s", section_name(maker)),
        section->n_detections, 5);
    sheet->note = "How well a low softmax confidence finds the pictures of no known class, in "
                  "%. AUROC with its 95 % interval (DeLong); AUPR with the unknown as what is "
                  "found; FPR95: known pictures raised when 95 % of the unknown are.";
    static const char *const titles[] = {"Unknown", "Model", "AUROC", "AUPR", "FPR95"};
    for (size_t k = 0; k < 5; k++)
        sheet_column(sheet, titles[k], k > 1, 0);
    for (size_t i = 0; i < section->n_detections; i++) {
        const struct board_detection *d = &section->detections[i];
        double half = 1.959964 * d->detection.auroc_se;
        const struct board_value auroc = {.present = true, .value = d->detection.auroc,
                                          .lo = d->detection.auroc - half,
                                          .hi = d->detection.auroc + half};
        sheet_set(sheet, i, 0, d->name, TONE_PLAIN);
        sheet_set(sheet, i, 1, model_name(maker, &section->rows[d->row]), TONE_PLAIN);
        sheet_set(sheet, i, 2, value_text(maker, &auroc, false, ""), TONE_PLAIN);
        sheet_set(sheet, i, 3, percent(maker, d->detection.aupr), TONE_PLAIN);
        sheet_set(sheet, i, 4, percent(maker, d->detection.fpr95), TONE_PLAIN);
    }
}
