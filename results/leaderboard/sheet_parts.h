/* What the files that make sheets share; formats use sheet.h alone. */
#pragma once

#include "results/leaderboard/sheet.h"

struct maker {
    struct sheets *sheets;
    struct arena *arena;
    const struct board *board;
    const struct board_section *section;
    const char *pm, *change; /* "±" and "Δ", or in ASCII */
};

/* Strings of the maker's arena. */
const char *section_name(struct maker *maker);
const char *model_name(struct maker *maker, const struct board_row *row);
/* "91.25 ±0.80", or in signed points "-2.10 ±0.31"; "*" when other rows cover more
 * conditions; then `mark`. "" where there is no value. */
const char *value_text(struct maker *maker, const struct board_value *value, bool points,
                       const char *mark);
/* Significant changes stand out; what may be chance does not. */
enum sheet_tone change_tone(const struct board_value *value);

/* sheet_grid.c: the matrices in one table, and cell by cell with `details` or where there
 * is a single one. */
void add_matrices(struct maker *maker, bool details);

/* sheet_natural.c: corruption by corruption; stability over sequences; detection of
 * unknown classes. Each adds nothing where nothing was run. */
void add_corruptions(struct maker *maker);
void add_stability(struct maker *maker, bool details);
void add_detections(struct maker *maker);

/* sheet_attacks.c: who is fooled by what was crafted on whom; accuracy against radius. */
void add_transfers(struct maker *maker);
void add_curves(struct maker *maker);
