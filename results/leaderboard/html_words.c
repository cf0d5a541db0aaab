/* Words of the HTML page: text made safe, numbers, names, plain tables. */
#include "results/leaderboard/html.h"

void html_text(struct text *out, const char *string)
{
    for (; string && *string; string++)
        switch (*string) {
        case '&':
            text_add(out, "&amp;");
            break;
        case '<':
            text_add(out, "&lt;");
            break;
        case '>':
            text_add(out, "&gt;");
            break;
        case '"':
            text_add(out, "&quot;");
            break;
        default:
            text_add_bytes(out, string, 1);
        }
}

/* "+0.12" with a true minus sign. */
void html_points(struct text *out, double share)
{
    char number[16];
    board_points(share, number);
    text_addf(out, "%s%s", *number == '-' ? "−" : *number ? "+" : "", *number ? number + 1 : "–");
}

void html_name(struct text *out, const struct board_row *row)
{
    html_text(out, row->model);
    if (*row->variant) {
        text_add(out, "/");
        html_text(out, row->variant);
    }
}

static void sheet_row(struct text *out, const struct sheet *sheet, size_t row)
{
    static const char *const tones[] = {"", " best", " rise", " fall"};
    text_add(out, "<tr>");
    for (size_t c = 0; c < sheet->n_columns; c++) {
        const struct sheet_cell *cell = &sheet->cells[row * sheet->n_columns + c];
        text_addf(out, "<td class=\"%s%s\">", sheet->columns[c].right ? "num" : "",
                  tones[cell->tone]);
        html_text(out, cell->text);
        text_add(out, "</td>");
    }
    text_add(out, "</tr>\n");
}

void html_sheet(struct text *out, const struct sheet *sheet)
{
    text_add(out, "<h3>");
    html_text(out, sheet->title);
    text_add(out, "</h3>\n");
    if (sheet->note) {
        text_add(out, "<p class=\"note\">");
        html_text(out, sheet->note);
        text_add(out, "</p>\n");
    }
    text_add(out, "<div class=\"scroll\"><table><thead><tr>");
    for (size_t c = 0; c < sheet->n_columns; c++) {
        text_addf(out, "<th scope=\"col\"%s>", sheet->columns[c].right ? " class=\"num\"" : "");
        html_text(out, sheet->columns[c].title);
        text_add(out, "</th>");
    }
    text_add(out, "</tr></thead><tbody>\n");
    for (size_t r = 0; r < sheet->n_rows; r++)
        sheet_row(out, sheet, r);
    text_add(out, "</tbody></table></div>\n");
}
