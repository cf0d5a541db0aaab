/* The parts of the HTML page. */
#pragma once

#include "results/leaderboard/json.h"
#include "results/leaderboard/sheet.h"
#include "results/sql.h"

/* page.html, page.css, charts.js with page.js after it */
extern const char page_html[], page_css[], page_charts[], page_js[];

/* Escaped for text and for attributes in double quotes. */
void html_text(struct text *out, const char *string);
void html_points(struct text *out, double share);
void html_name(struct text *out, const struct board_row *row);
/* A heading, the note and a table that scrolls by itself. */
void html_sheet(struct text *out, const struct sheet *sheet);

/* What charts and comparisons need beyond the board's JSON: tie groups by every measure,
 * commands, discordant counts of every pair of rows, and the last nights. */
enum status html_extra(sqlite3 *db, const struct board *board, struct text *out);

/* {"nights": [started, ...], "rows": [[[night, share, ...], ...], ...]}: of the last thirty
 * runs that held cells of the section, for each row and condition, in which night which
 * share of the samples was right for the first time; then it stayed. [] where nothing is. */
enum status html_history(sqlite3 *db, const struct board_section *section, struct text *out);

/* {"models": ["--model FILE --set KEY=VALUE", ...], "data": ["--dataset PATH ...", ...],
 * "noises": ["--noise LINE", null for a worst case, ...]}: with "gauntlet run" before them,
 * the command for a cell. Paths are those that its run was given. */
enum status html_commands(sqlite3 *db, const struct board_section *section, struct text *out);
