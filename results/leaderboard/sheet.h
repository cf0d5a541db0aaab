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
    const char *nothing; /* why there is none, and how to come by one */
    struct arena arena;
};

/* In this order: twins, then the summary, the decoder x resizer matrices and, when asked
 * for, transfers, curves and every condition; section by section. `ascii`: no ± and Δ. */
void sheets_make(const struct board *board, const struct leaderboard_options *options,
                 bool ascii, struct sheets *out);
/* Of one section what the HTML page shows in no other form: corruption errors, stability,
 * unknown classes, transfer, curves with their distances. */
void sheets_more(const struct board *board, const struct board_section *section,
                 struct sheets *out);
void sheets_clear(struct sheets *sheets);

/* A sheet of the caller's own, with room for rows x columns; then its columns, then cells
 * by their place. Strings are borrowed until sheets_clear. */
struct sheet *sheet_add(struct sheets *sheets, const char *title, size_t rows, size_t columns);
void sheet_column(struct sheet *sheet, const char *title, bool right, int spare);
void sheet_set(struct sheet *sheet, size_t row, size_t column, const char *text,
               enum sheet_tone tone);

enum status sheet_terminal(const struct sheet *sheet, int width, bool colour, FILE *out);
void sheet_markdown(const struct sheet *sheet, FILE *out);
void markdown_text(const char *text, FILE *out); /* with what means something escaped */
