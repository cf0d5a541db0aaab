/* GitHub's Markdown tables: pipes escaped, the best of a column bold. */
#include "results/leaderboard/sheet.h"

#include <stdlib.h>

void markdown_text(const char *text, FILE *out)
{
    for (; *text; text++) {
        if (*text == '|' || *text == '\\' || *text == '*' || *text == '_' || *text == '`' ||
            *text == '<')
            fputc('\\', out);
        fputc(*text, out);
    }
}

static void put_row(const struct sheet *sheet, size_t row, FILE *out)
{
    for (size_t c = 0; c < sheet->n_columns; c++) {
        const struct sheet_cell *cell = &sheet->cells[row * sheet->n_columns + c];
        const char *strong = cell->tone == TONE_BEST && *cell->text ? "**" : "";
        fprintf(out, "| %s", strong);
        markdown_text(cell->text, out);
        fprintf(out, "%s%s", strong, *cell->text ? " " : "");
    }
    fputs("|\n", out);
}

void sheet_markdown(const struct sheet *sheet, FILE *out)
{
    fputs("### ", out);
    markdown_text(sheet->title, out);
    fputs("\n\n", out);
    for (size_t c = 0; c < sheet->n_columns; c++) {
        fputs("| ", out);
        markdown_text(sheet->columns[c].title, out);
        fputs(" ", out);
    }
    fputs("|\n", out);
    for (size_t c = 0; c < sheet->n_columns; c++)
        fputs(sheet->columns[c].right ? "| ---: " : "| --- ", out);
    fputs("|\n", out);
    for (size_t r = 0; r < sheet->n_rows; r++)
        put_row(sheet, r, out);
    if (sheet->note) {
        fputs("\n", out);
        markdown_text(sheet->note, out);
        fputs("\n", out);
    }
}

static enum status write_markdown(struct store *store, const struct board *board,
                                  const struct leaderboard_options *options, FILE *out)
{
    (void)store;
    struct sheets sheets;
    sheets_make(board, options, false, &sheets);
    for (size_t i = 0; i < sheets.count; i++) {
        fputs(i ? "\n" : "", out);
        sheet_markdown(&sheets.items[i], out);
    }
    if (!sheets.count)
        fprintf(out, "%s\n", sheets.nothing);
    if (board->n_failed)
        fprintf(out, "\n%lld cells have no number.\n", (long long)board->n_failed);
    sheets_clear(&sheets);
    return OK;
}

const struct leaderboard_format leaderboard_markdown = {
    .name = "markdown",
    .summary = "tables for an issue, a README or a mail",
    .extension = "md",
    .write = write_markdown,
};
