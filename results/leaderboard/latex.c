/* booktabs tables to \input into a paper; the best of a column is bold. */
#include "results/leaderboard/sheet.h"

#include <string.h>

static void put(const char *text, FILE *out)
{
    static const struct {
        const char *in, *latex;
    } special[] = {
        {"\\", "\\textbackslash{}"}, {"~", "\\textasciitilde{}"}, {"^", "\\textasciicircum{}"},
        {"±", "$\\pm$"},             {"Δ", "$\\Delta$"},          {"<", "$<$"},
        {">", "$>$"},                {"&", "\\&"},                {"%", "\\%"},
        {"$", "\\$"},                {"#", "\\#"},                {"_", "\\_"},
        {"{", "\\{"},                {"}", "\\}"},
    };
    while (*text) {
        size_t size = 1, i = 0;
        for (; i < sizeof special / sizeof *special; i++)
            if (!strncmp(text, special[i].in, size = strlen(special[i].in)))
                break;
        if (i < sizeof special / sizeof *special) {
            fputs(special[i].latex, out);
            text += size;
        } else {
            fputc(*text++, out);
        }
    }
}

/* A number's hyphen is a minus sign. */
static void put_number(const char *text, FILE *out)
{
    for (const char *c = text; *c; c++) {
        bool starts = c == text || c[-1] == ' ' || c[-1] == '[';
        char one[5] = {*c};
        if (starts && *c == '-' && c[1] >= '0' && c[1] <= '9') {
            fputs("$-$", out);
            continue;
        }
        while (((unsigned char)c[1] & 0xc0) == 0x80 && strlen(one) < 4)
            one[strlen(one)] = *++c;
        put(one, out);
    }
}

static void put_sheet(const struct sheet *sheet, FILE *out)
{
    fputs("\\begin{table}\n\\centering\n\\caption{", out);
    put(sheet->title, out);
    if (sheet->note) {
        fputs(". ", out);
        put(sheet->note, out);
    }
    fputs("}\n\\begin{tabular}{", out);
    for (size_t c = 0; c < sheet->n_columns; c++)
        fputc(sheet->columns[c].right ? 'r' : 'l', out);
    fputs("}\n\\toprule\n", out);
    for (size_t c = 0; c < sheet->n_columns; c++) {
        fputs(c ? " & " : "", out);
        put(sheet->columns[c].title, out);
    }
    fputs(" \\\\\n\\midrule\n", out);
    for (size_t r = 0; r < sheet->n_rows; r++) {
        for (size_t c = 0; c < sheet->n_columns; c++) {
            const struct sheet_cell *cell = &sheet->cells[r * sheet->n_columns + c];
            bool strong = cell->tone == TONE_BEST && *cell->text;
            fprintf(out, "%s%s", c ? " & " : "", strong ? "\\textbf{" : "");
            if (sheet->columns[c].right)
                put_number(cell->text, out);
            else
                put(cell->text, out);
            fputs(strong ? "}" : "", out);
        }
        fputs(" \\\\\n", out);
    }
    fputs("\\bottomrule\n\\end{tabular}\n\\end{table}\n", out);
}

static enum status write_latex(struct store *store, const struct board *board,
                               const struct leaderboard_options *options, FILE *out)
{
    (void)store;
    struct sheets sheets;
    sheets_make(board, options, false, &sheets);
    fputs("% needs \\usepackage{booktabs}\n", out);
    for (size_t i = 0; i < sheets.count; i++)
        put_sheet(&sheets.items[i], out);
    sheets_clear(&sheets);
    return OK;
}

const struct leaderboard_format leaderboard_latex = {
    .name = "latex",
    .summary = "booktabs tables for a paper",
    .extension = "tex",
    .write = write_latex,
};
