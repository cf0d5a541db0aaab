/* What all formats say the same way: numbers, commands, and the choice of a format. */
#include "results/board.h"

#include "base/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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

/* Quoted for a shell where it needs to be. */
static void add_word(struct text *text, const char *word)
{
    if (word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                          "_-.,:/=+@%")] == 0 && *word) {
        text_add(text, word);
        return;
    }
    text_add(text, "'");
    for (; *word; word++)
        if (*word == '\'')
            text_add(text, "'\\''");
        else
            text_add_bytes(text, word, 1);
    text_add(text, "'");
}

char *board_command(const struct board_section *section, const struct board_row *row,
                    const struct board_condition *condition, const struct board_cell *cell)
{
    struct text text = {0};
    long long limit;
    text_add(&text, "gauntlet run --model ");
    add_word(&text, row->model);
    text_add(&text, " --dataset ");
    add_word(&text, section->dataset);
    text_add(&text, " --noise ");
    add_word(&text, condition->label);
    if (sscanf(section->subset, "limit=%lld", &limit) == 1)
        text_addf(&text, " --limit %lld", limit);
    if (cell->seed)
        text_addf(&text, " --seed %lld", (long long)cell->seed);
    return text.data;
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
