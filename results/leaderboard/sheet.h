/*
 * Tables of text: what the terminal, Markdown and LaTeX formats print. A board becomes
 * sheets once, so that these formats say the same.
 */
#pragma once

#include "results/board.h"

enum sheet_tone { TONE_PLAIN, TONE_BEST, TONE_GOOD, TONE_BAD };

struct sheet_column {
    const char *title;
    bool right;      /* numbers */
    int spare;       /* 0: always shown; the highest is left out first when space is short */
};

struct sheet_cell {
    const char *text; /* "" is empty */
    enum sheet_tone tone;
};

struct sheet {
    const char *title;
    const char *note;  /* how to read it, or NULL */
    size_t n_columns, n_rows;
    struct sheet_column *columns;
    struct sheet_cell *cells; /* [n_rows][n_columns] */
};

struct sheets {
    struct sheet *items;
    size_t count;
    struct arena arena;
};

/* In this order: twins, then the summary, the decoder x resizer matrices and, when asked
 * for, every condition; section by section. `ascii`: no ± and Δ. */
void sheets_make(const struct board *board, const struct leaderboard_options *options,
                 bool ascii, struct sheets *out);
void sheets_clear(struct sheets *sheets);
