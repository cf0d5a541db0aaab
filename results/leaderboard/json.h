/* A board as JSON: what the json format prints and the HTML page holds. */
#pragma once

#include "base/text.h"
#include "results/board.h"

void board_json(const struct board *board, struct text *out);
/* The number with up to six decimals, or null for NaN. */
void json_real(struct text *out, double value);
