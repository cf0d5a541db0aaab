/* Tables for a terminal, through libsmartcols: as wide as it is, coloured if it is one. */
#include "results/leaderboard/sheet.h"

#include <libsmartcols/libsmartcols.h>
#include <stdlib.h>
#include <string.h>

enum { GAP = 2 }; /* between columns */

/* Columns on screen of a UTF-8 string whose letters are one wide. */
static size_t columns_of(const char *text)
{
    size_t count = 0;
    for (; *text; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

static size_t column_width(const struct sheet *sheet, size_t column)
{
    size_t width = columns_of(sheet->columns[column].title);
    for (size_t r = 0; r < sheet->n_rows; r++) {
        size_t own = columns_of(sheet->cells[r * sheet->n_columns + column].text);
        width = own > width ? own : width;
    }
    return width;
}

/* Leaves out what can be spared until the rest fits; says how much was. */
static size_t choose(const struct sheet *sheet, int width, bool *shown)
{
    size_t total = 0, hidden = 0;
    for (size_t c = 0; c < sheet->n_columns; c++) {
        shown[c] = true;
        total += column_width(sheet, c) + GAP;
    }
    while (total > (size_t)width + GAP) {
        size_t most = 0;
        int spare = 0;
        for (size_t c = 0; c < sheet->n_columns; c++)
            if (shown[c] && sheet->columns[c].spare > spare) {
                spare = sheet->columns[c].spare;
                most = c;
            }
        if (!spare)
            break;
        shown[most] = false;
        total -= column_width(sheet, most) + GAP;
        hidden++;
    }
    return hidden;
}

static enum status fill(struct libscols_table *table, const struct sheet *sheet,
                        const bool *shown)
{
    static const char *const tones[] = {
        [TONE_PLAIN] = NULL, [TONE_BEST] = "bold", [TONE_GOOD] = "green", [TONE_BAD] = "red"};
    for (size_t c = 0; c < sheet->n_columns; c++)
        if (shown[c] && !scols_table_new_column(table, sheet->columns[c].title, 0,
                                                sheet->columns[c].right ? SCOLS_FL_RIGHT : 0))
            return status_fail(ERR_NOMEM, "no memory for a table");
    for (size_t r = 0; r < sheet->n_rows; r++) {
        struct libscols_line *line = scols_table_new_line(table, NULL);
        if (!line)
            return status_fail(ERR_NOMEM, "no memory for a table");
        size_t at = 0;
        for (size_t c = 0; c < sheet->n_columns; c++) {
            const struct sheet_cell *cell = &sheet->cells[r * sheet->n_columns + c];
            if (!shown[c])
                continue;
            if (scols_line_set_data(line, at, cell->text))
                return status_fail(ERR_NOMEM, "no memory for a table");
            if (tones[cell->tone])
                scols_cell_set_color(scols_line_get_cell(line, at), tones[cell->tone]);
            at++;
        }
    }
    return OK;
}

/* Notes are wrapped at words. */
static void print_note(const char *note, int width, FILE *out)
{
    size_t used = 0;
    for (const char *word = note; *word;) {
        size_t size = strcspn(word, " ");
        if (used && used + 1 + size > (size_t)width) {
            fputc('\n', out);
            used = 0;
        }
        fprintf(out, "%s%.*s", used ? " " : "", (int)size, word);
        used += size + (used != 0);
        word += size + strspn(word + size, " ");
    }
    fputc('\n', out);
}

enum status sheet_terminal(const struct sheet *sheet, int width, bool colour, FILE *out)
{
    bool *shown = mem_array(sheet->n_columns, sizeof *shown);
    size_t hidden = choose(sheet, width, shown);
    struct libscols_table *table = scols_new_table();
    enum status st = table ? OK : status_fail(ERR_NOMEM, "no memory for a table");
    if (!st) {
        scols_table_set_stream(table, out);
        scols_table_set_termforce(table, SCOLS_TERMFORCE_ALWAYS);
        scols_table_set_termwidth(table, (size_t)width);
        scols_table_set_column_separator(table, "  ");
        scols_table_enable_colors(table, colour);
        st = fill(table, sheet, shown);
    }
    if (!st) {
        fprintf(out, "%s%s%s\n", colour ? "\033[1m" : "", sheet->title, colour ? "\033[0m" : "");
        if (scols_print_table(table))
            st = status_fail(ERR_IO, "the table could not be printed");
        if (sheet->note)
            print_note(sheet->note, width, out);
        if (hidden)
            fprintf(out, "%zu column%s left out at this width.\n", hidden,
                    hidden == 1 ? " is" : "s are");
    }
    scols_unref_table(table);
    free(shown);
    return st;
}

static enum status write_terminal(struct store *store, const struct board *board,
                                  const struct leaderboard_options *options, FILE *out)
{
    (void)store;
    int width = options->width > 0 ? options->width : 80;
    struct sheets sheets;
    sheets_make(board, options, MB_CUR_MAX == 1, &sheets);
    enum status st = OK;
    for (size_t i = 0; i < sheets.count && !st; i++) {
        fputs(i ? "\n" : "", out);
        st = sheet_terminal(&sheets.items[i], width, options->colour, out);
    }
    if (!sheets.count)
        fprintf(out, "%s\n", sheets.nothing);
    if (!st && board->n_failed)
        fprintf(out, "\n%lld cells have no number: see the view `failed`.\n",
                (long long)board->n_failed);
    sheets_clear(&sheets);
    return st;
}

const struct leaderboard_format leaderboard_terminal = {
    .name = "terminal",
    .summary = "tables as wide as the terminal",
    .extension = "txt",
    .write = write_terminal,
};
