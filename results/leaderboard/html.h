/* The parts of the HTML page. */
#pragma once

#include "results/leaderboard/json.h"
#include "results/sql.h"

extern const char page_html[], page_css[], page_js[]; /* page.html, page.css, page.js */

/* Escaped for text and for attributes in double quotes. */
void html_text(struct text *out, const char *string);
void html_points(struct text *out, double share);
void html_name(struct text *out, const struct board_row *row);

/* What charts and comparisons need beyond the board's JSON: tie groups by every measure,
 * commands, discordant counts of every pair of rows, accuracy over the last runs. */
enum status html_extra(sqlite3 *db, const struct board *board, struct text *out);
