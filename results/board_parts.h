/* How the board's files share the work; formats use board.h alone. */
#pragma once

#include "results/board.h"
#include "results/sql.h"

/* measure.c: rows' values, tie groups, and their order. */
void board_measure(struct board_section *section, enum board_measure sort,
                   const struct bootstrap *bootstrap);

/* mce.c: sections' weights, from the table `baseline`; then a row's per-image values,
 * times `weight`, added to x; false where the row lacks a condition. */
enum status board_baseline(sqlite3 *db, struct board *board, struct board_section *section);
bool board_mce(const struct board_section *section, const struct board_row *row,
               bool relative, double weight, double *x);

/* twins.c, matrix.c: after board_measure, since they point at rows. */
void board_twins(struct board *board, struct board_section *section,
                 const struct bootstrap *bootstrap);
enum status board_matrices(sqlite3 *db, struct board *board, struct board_section *section);

/* Adds a cell's bits, times `weight`, to x[n]. */
void board_add_bits(const struct board_cell *cell, double weight, double *x);
/* The clean cell of a row, or NULL. */
const struct board_cell *board_clean(const struct board_section *section,
                                     const struct board_row *row);
/* Does any of these flags put a robust number in doubt? */
bool board_doubtful(const char *flags);
