/* What all formats say the same way: numbers, commands, and the choice of a format. */
#include "results/board.h"

#include "base/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *board_baseline_name(const struct board_section *section)
{
    return section->baseline_row < 0 ? "AlexNet" : section->rows[section->baseline_row].model;
}

const char *board_points(double share, char out[16])
{
    out[0] = 0;
    if (!isnan(share))
        snprintf(out, 16, "%+.2f", fabs(100 * share) < 0.005 ? 0.0 : 100 * share);
    return out;
}

const char *board_percent(double share, char out[16])
{
    out[0] = 0;
    if (!isnan(share))
        snprintf(out, 16, "%.2f", 100 * share);
    return out;
}

const char *board_half(const struct board_value *value, char out[16])
{
    out[0] = 0;
    if (value->present && !isnan(value->lo))
        snprintf(out, 16, "%.2f", 50 * (value->hi - value->lo));
    return out;
}

static enum status find_format(const char *wanted, const struct leaderboard_format **out)
{
    struct text names = {0};
    *out = NULL;
    for (size_t i = 0; leaderboard_format_registry[i]; i++) {
        text_addf(&names, " %s", leaderboard_format_registry[i]->name);
        if (!strcmp(leaderboard_format_registry[i]->name, wanted))
            *out = leaderboard_format_registry[i];
    }
    enum status st = *out ? OK : status_fail(ERR_USAGE, "no format '%s'; there are:%s", wanted,
                                             names.data ? names.data : " none");
    text_clear(&names);
    return st;
}

enum status leaderboard_write(struct store *store, const struct leaderboard_options *options,
                              FILE *out)
{
    const struct leaderboard_format *format;
    struct board *board = NULL;
    enum status st = find_format(options->format ? options->format : "terminal", &format);
    if (!st)
        st = board_open(store, options, &board);
    if (!st)
        st = format->write(store, board, options, out);
    if (!st && (fflush(out) || ferror(out)))
        st = status_fail(ERR_IO, "the leaderboard could not be written whole");
    board_close(board);
    return st;
}

enum status leaderboard_write_files(struct store *store,
                                    const struct leaderboard_options *options,
                                    const char *folder)
{
    const struct leaderboard_format *format;
    struct board *board = NULL;
    enum status st = find_format(options->format ? options->format : "terminal", &format);
    if (!st && !format->write_files)
        st = status_fail(ERR_USAGE, "%s is one file, not a folder", format->name);
    if (!st)
        st = board_open(store, options, &board);
    if (!st)
        st = format->write_files(store, board, folder);
    board_close(board);
    return st;
}
