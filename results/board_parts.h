/* How the board's files share the work; formats use board.h alone. */
#pragma once

#include "results/board.h"
#include "results/sql.h"

/* measure.c: rows' values, tie groups, and their order. */
void board_measure(struct board_section *section, enum board_measure sort,
                   const struct bootstrap *bootstrap);

/* The mean of per-image values x[n], images resampled. */
struct board_value board_of_images(const double *x, size_t n, int conditions,
                                   const struct bootstrap *bootstrap);

/* mce.c: sections' weights, from the table `baseline` or the section's baseline row; then a
 * row's per-image values, times `weight`, added to x; false where the row lacks a
 * condition. */
enum status board_baseline(sqlite3 *db, struct board *board, struct board_section *section);
bool board_mce(const struct board_section *section, const struct board_row *row,
               bool relative, double weight, double *x);

/* twins.c, matrix.c, transfer.c, curves.c: after board_measure, since they point at rows. */
void board_twins(struct board *board, struct board_section *section,
                 const struct bootstrap *bootstrap);
enum status board_matrices(sqlite3 *db, struct board *board, struct board_section *section,
                           const struct bootstrap *bootstrap);

/* stability.c, unknown.c: likewise. */
enum status board_stability(sqlite3 *db, struct board *board, struct board_section *section,
                            const struct bootstrap *bootstrap);
enum status board_unknown(sqlite3 *db, struct board *board, struct board_section *section);
void board_transfers(struct board *board, struct board_section *section);
enum status board_curves(sqlite3 *db, struct board *board, struct board_section *section);

/* The value of `key` ("source=") in a condition's label, and the label without it; NULL
 * where it is not there. */
char *board_cut(struct arena *arena, const char *label, const char *key, char **rest);

/* Adds a cell's bits, times `weight`, to x[n]. */
void board_add_bits(const struct board_cell *cell, double weight, double *x);
/* Does any of these flags put a robust number in doubt? */
bool board_doubtful(const char *flags);
